import fc from 'fast-check';
import type { Delivery, SessionRef, TaskInput } from '../../server/model/task.ts';
import type { Store } from '../../server/store/store.ts';

/** What a run has seen so far: what later steps pick from. */
export interface Scene {
  now: number;
  readonly tasks: TaskInput[];
  readonly deliveries: (Delivery & { readonly session: SessionRef })[];
  readonly sessions: {
    readonly ref: SessionRef;
    readonly hash: string;
    readonly client: number;
    readonly subject: string;
  }[];
}

/** A step of a run, made concrete when its turn comes; equal for every store that it is given to. */
export interface Step {
  readonly name: string;
  /** Its place within a group commit. */
  readonly rank: number;
  readonly run: (store: Store) => Promise<unknown>;
}

export type Draw = (scene: Scene) => Step;

/** A draw that prints as what it was made of. */
export function toDraw<T>(
  name: string,
  data: fc.Arbitrary<T>,
  draw: (drawn: T, scene: Scene) => Step,
): fc.Arbitrary<Draw> {
  return data.map((drawn) =>
    Object.assign((scene: Scene) => draw(drawn, scene), {
      [fc.toStringMethod]: () => `${name} ${JSON.stringify(drawn)}`,
    }),
  );
}

export const pick = fc.nat({ max: 1_000 });
export const queues = ['a', 'b'];
export const lanes = ['', 'c:0', 's:x=y'];
/** Mostly null: of a task without instants less is written. */
function rarely(instant: fc.Arbitrary<number>): fc.Arbitrary<number | null> {
  return fc.oneof({ weight: 2, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: instant });
}

export const task = fc.record({
  again: fc.option(pick, { freq: 8 }),
  id: fc.uuid({ version: 7 }),
  queue: fc.constantFrom(...queues),
  lane: fc.constantFrom(...lanes),
  priority: fc.integer({ min: -1, max: 1 }),
  runIn: rarely(fc.integer({ min: -5, max: 40 })),
  expiresIn: rarely(fc.integer({ min: 1, max: 60 })),
  maxAttempts: fc.constantFrom(1, 2, 3, 1_000),
  idempotencyKey: fc.option(fc.constantFrom('k1', 'k2'), { freq: 5 }),
  size: fc.constantFrom(0, 1, 10, 300),
  createdBy: fc.constantFrom('', '', 'token:a', 'token:b'),
});

export function toTask({ again, runIn, expiresIn, size, ...rest }: DrawnTask, scene: Scene): TaskInput {
  if (again !== null && scene.tasks.length > 0) return scene.tasks[again % scene.tasks.length]!;
  return {
    ...rest,
    payload: Buffer.alloc(size, rest.id),
    contentType: '',
    metadata: size === 10 ? { b: '1', a: rest.id } : {},
    runAt: runIn === null ? null : scene.now + runIn,
    expiresAt: expiresIn === null ? null : scene.now + expiresIn,
    timeoutMs: 0,
    backoffBaseMs: 10,
    backoffCapMs: 40,
    parentId: null,
  };
}

export type DrawnTask = typeof task extends fc.Arbitrary<infer T> ? T : never;
