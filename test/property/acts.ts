import fc from 'fast-check';
import type { TaskInput } from '../../server/model/task.ts';
import { ContactError } from '../../shared/errors.ts';
import { newTaskId } from '../../shared/ids.ts';
import { type Accounts, askRedrive, hearRedrive } from './accounts.ts';
import type { Opening, Workers } from './line.ts';
import type { Report } from './reports.ts';
import type { BareServer } from './server.ts';

/** Everything that a run has. */
export interface World {
  /** The node where it happens. */
  readonly server: BareServer;
  /** All nodes over the store, on one clock. */
  readonly servers: readonly BareServer[];
  readonly accounts: Accounts;
  readonly workers: Workers;
  /** Whatever was enqueued, answered or not. */
  readonly tasks: TaskInput[];
}

/** Something that happens. Nothing waits for its answer, but for the time that passes. */
export interface Act {
  run(world: World): void | Promise<void>;
}

const QUEUES = ['a', 'b'];
const LANES = ['', '', '', '', 'c:n0', 'c:n1', 'c:e'];

/** Calls that a full disk or a lock would refuse. */
const REFUSABLE = [
  'insertTasks',
  'claimTasks',
  'settleTasks',
  'releaseTasks',
  'openSession',
  'endSession',
  'wakeTasks',
];

const pick = fc.nat({ max: 1_000 });
const worker = fc.nat({ max: 3 });

function toAct<T>(name: string, drawn: fc.Arbitrary<T>, run: (given: T, world: World) => void | Promise<void>) {
  return drawn.map((given): Act & fc.WithToStringMethod => ({
    run: (world) => run(given, world),
    [fc.toStringMethod]: () => `${name} ${fc.stringify(given)}`,
  }));
}

const task = fc.record({
  queue: fc.constantFrom(...QUEUES),
  lane: fc.constantFrom(...LANES),
  bytes: fc.constantFrom(0, 0, 10, 10, 400, 1_500),
  priority: fc.nat({ max: 1 }),
  maxAttempts: fc.integer({ min: 1, max: 3 }),
  timeoutMs: fc.constantFrom(0, 0, 700),
  delayMs: fc.constantFrom(0, 0, 0, 400),
  expiresMs: fc.constantFrom(0, 0, 0, 500, 2_500),
  /** One that was sent before, as after a lost acknowledgement. */
  again: fc.option(pick, { freq: 6 }),
});

const enqueue = toAct(
  'enqueue',
  fc.array(task, { minLength: 1, maxLength: 4 }),
  (drawn, { server, accounts, tasks }) => {
    const now = server.clock.now();
    const inputs = drawn.map(({ bytes, delayMs, expiresMs, again, ...given }): TaskInput => {
      const before = again === null ? undefined : tasks[again % Math.max(1, tasks.length)];
      if (before) return before;
      const input: TaskInput = {
        ...{
          id: newTaskId(),
          ...given,
          payload: Buffer.alloc(bytes),
          contentType: 't',
          metadata: {},
          idempotencyKey: null,
        },
        ...{ runAt: delayMs === 0 ? null : now + delayMs, expiresAt: expiresMs === 0 ? null : now + expiresMs },
        ...{ backoffBaseMs: 200, backoffCapMs: 1_000, parentId: null, createdBy: '' },
      };
      tasks.push(input);
      return input;
    });
    server.queue.enqueue(inputs).then((outcomes) => {
      for (const { id } of outcomes) accounts.acknowledged.add(id);
    }, expectRefusal(accounts));
  },
);

const open = toAct(
  'open',
  fc.record({
    worker,
    kind: fc.constantFrom<Opening['kind']>('fresh', 'resume', 'resume', 'resume', 'half', 'garbage'),
    credit: fc.integer({ min: 1, max: 4 }),
    isFull: fc.nat({ max: 3 }).map((n) => n > 0),
    isStatusFirst: fc.nat({ max: 3 }).map((n) => n > 0),
    isResumable: fc.nat({ max: 7 }).map((n) => n > 0),
    queues: fc.constantFrom(['a'], ['b'], QUEUES, QUEUES),
  }),
  ({ worker: n, ...opening }, { server, workers }) => workers.open(workers.all[n]!, opening, server),
);

const leave = toAct(
  'leave',
  fc.record({ worker, kind: fc.constantFrom('cut', 'cut', 'cut', 'operator') }),
  ({ worker: n, kind }, { server, workers }) => {
    const one = workers.all[n]!;
    if (kind === 'cut') workers.cut(one);
    else server.registry.disconnectClient(one.clientId);
  },
);

const report = fc.record({
  pick,
  whose: fc.constantFrom('mine', 'mine', 'mine', 'mine', 'mine', 'any', 'off'),
  kind: fc.constantFrom<Report['kind']>(
    ...([
      'started',
      'started',
      'started',
      'succeeded',
      'succeeded',
      'failed',
      'never',
      'after',
      'released',
      'untouched',
    ] as const),
    ...(['stopped', 'large'] as const),
  ),
});

const say = toAct(
  'say',
  fc.record({
    worker,
    over: fc.constantFrom<'line' | 'previous' | 'tell'>('line', 'line', 'line', 'line', 'previous', 'tell'),
    reports: fc.array(report, { minLength: 1, maxLength: 4 }),
  }),
  ({ worker: n, over, reports }, { server, accounts, workers }) => {
    const one = workers.all[n]!;
    const mine = [...one.holding.values()];
    const said = reports.flatMap(({ pick: place, whose, kind }): Report[] => {
      const known = whose === 'mine' ? mine : accounts.pushed.slice(-12);
      const found = known[place % Math.max(1, known.length)];
      return found ? [{ ...found, delivery: found.delivery + (whose === 'off' ? 1 : 0), kind }] : [];
    });
    workers.say(one, said, over, server);
  },
);

const tend = toAct(
  'tend',
  fc.record({
    worker,
    kind: fc.constantFrom('read', 'read', 'credit', 'credit', 'stall', 'flow', 'flow'),
    credit: fc.nat({ max: 4 }),
  }),
  ({ worker: n, kind, credit }, { workers }) => {
    const one = workers.all[n]!;
    if (kind === 'read') workers.read(one);
    else if (kind === 'credit') workers.setCredit(one, credit);
    else workers.stall(one, kind === 'stall');
  },
);

const operate = toAct(
  'operate',
  fc.record({
    kind: fc.constantFrom(
      'cancel',
      'cancel',
      'redrive',
      'redrive',
      'pause',
      'unpause',
      'unpause',
      'drain',
      'undrain',
      'undrain',
    ),
    picks: fc.array(pick, { minLength: 1, maxLength: 3 }),
    queue: fc.constantFrom(...QUEUES),
    worker,
  }),
  ({ kind, picks, queue, worker: n }, { server, accounts, workers, tasks }) => {
    const ids = picks.flatMap((place) => tasks[place % Math.max(1, tasks.length)]?.id ?? []);
    const { clientId } = workers.all[n]!;
    const refusal = expectRefusal(accounts);
    if (kind === 'cancel') {
      server.queue.cancel(ids, 'why', 'ops').then((outcomes) => {
        for (const outcome of outcomes) if (outcome.kind === 'requested') accounts.cancelled.add(outcome.id);
      }, refusal);
    }
    if (kind === 'drain') server.registry.clients.drain(clientId).catch(refusal);
    if (kind === 'undrain') server.registry.clients.resume(clientId).catch(refusal);
    if (kind === 'redrive') {
      for (const id of ids) askRedrive(accounts, id);
      server.queue.redrive(ids, 'ops').then((outcomes) => {
        for (const { id, kind: what } of outcomes) hearRedrive(accounts, id, what === 'ready');
      }, refusal);
    }
    if (kind === 'pause') server.queue.operations.pauseQueue(queue, true).catch(refusal);
    if (kind === 'unpause') {
      accounts.paused.delete(queue);
      server.queue.operations.resumeQueue(queue).catch(refusal);
    }
  },
);

const refuse = toAct(
  'refuse',
  fc.option(fc.subarray(REFUSABLE, { minLength: 1, maxLength: 3 }), { freq: 1 }),
  (kinds, { server }) => {
    server.refused.clear();
    for (const kind of kinds ?? []) server.refused.add(kind);
  },
);

const lag = toAct('lag', fc.constantFrom(0, 0, 1, 4), (turns, { server }) => {
  server.lagTurns = turns;
});

/** Time passes; those who attend answer meanwhile. */
export async function pass({ server, workers }: World, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 200) {
    server.clock.advance(Math.min(200, left));
    await server.turn();
    workers.attend();
  }
}

const wait = toAct('wait', fc.constantFrom(0, 1, 100, 400, 1_200, 3_600), (ms, world) => pass(world, ms));

const jump = toAct('jump', fc.constantFrom(-3_600_000, 3_600_000), (ms, { server, accounts }) => {
  accounts.hasJumped = true;
  server.clock.jump(ms);
});

const turn = toAct('turn', fc.constant(0), (_given, { server }) => server.turn());

function expectRefusal({ complaints }: Accounts): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof ContactError)) complaints.push(`not a refusal: ${String(error)}`);
  };
}

/** Acts that come without a rest between them. */
const together = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: enqueue },
    { weight: 6, arbitrary: open },
    { weight: 4, arbitrary: leave },
    { weight: 12, arbitrary: say },
    { weight: 5, arbitrary: tend },
    { weight: 4, arbitrary: operate },
    { weight: 1, arbitrary: refuse },
    { weight: 1, arbitrary: lag },
    { weight: 5, arbitrary: wait },
    { weight: 1, arbitrary: jump },
    { weight: 4, arbitrary: turn },
  ),
  { minLength: 1, maxLength: 5 },
);

/** A whole run; `isRestart`: the process ends before it and another takes its place, where the store allows it. */
export const runs = fc.array(fc.record({ acts: together, isRestart: fc.nat({ max: 11 }).map((n) => n === 0) }), {
  minLength: 1,
  maxLength: 40,
  size: 'max',
});
