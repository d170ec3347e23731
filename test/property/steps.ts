import fc from 'fast-check';
import { PARENT_LANE } from '../../server/model/broadcast.ts';
import type { Delivery, SessionRef, TaskInput } from '../../server/model/task.ts';
import type { Fence, Release, Settlement, Store } from '../../server/store/store.ts';

/** What a run has seen so far: what later steps pick from. */
export interface Scene {
  now: number;
  readonly tasks: TaskInput[];
  readonly deliveries: (Delivery & { readonly session: SessionRef })[];
  readonly sessions: { readonly ref: SessionRef; readonly hash: string; readonly client: number }[];
}

/** A step of a run, made concrete when its turn comes; equal for every store that it is given to. */
export interface Step {
  readonly name: string;
  /** Its place within a group commit. */
  readonly rank: number;
  readonly run: (store: Store) => Promise<unknown>;
}

type Draw = (scene: Scene) => Step;

/** A draw that prints as what it was made of. */
function toDraw<T>(name: string, data: fc.Arbitrary<T>, draw: (drawn: T, scene: Scene) => Step): fc.Arbitrary<Draw> {
  return data.map((drawn) =>
    Object.assign((scene: Scene) => draw(drawn, scene), {
      [fc.toStringMethod]: () => `${name} ${JSON.stringify(drawn)}`,
    }),
  );
}

const pick = fc.nat({ max: 1_000 });
const queues = ['a', 'b'];
const lanes = ['', 'c:0', 's:x=y'];
const clients = 3;

const task = fc.record({
  again: fc.option(pick, { freq: 8 }),
  id: fc.uuid({ version: 7 }),
  queue: fc.constantFrom(...queues),
  lane: fc.constantFrom(...lanes),
  priority: fc.integer({ min: -1, max: 1 }),
  runIn: fc.option(fc.integer({ min: -5, max: 40 }), { freq: 2 }),
  expiresIn: fc.option(fc.integer({ min: 1, max: 60 }), { freq: 3 }),
  maxAttempts: fc.constantFrom(1, 2, 3, 1_000),
  key: fc.option(fc.constantFrom('k1', 'k2'), { freq: 5 }),
  size: fc.constantFrom(0, 1, 10, 300),
});

function toTask({ again, runIn, expiresIn, size, ...rest }: DrawnTask, scene: Scene): TaskInput {
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

type DrawnTask = typeof task extends fc.Arbitrary<infer T> ? T : never;

const insert = toDraw('insert', fc.array(task, { maxLength: 5 }), (drawn, scene) => {
  const tasks = drawn.map((each) => toTask(each, scene));
  scene.tasks.push(...tasks);
  const { now } = scene;
  return { name: 'insert', rank: 3, run: (store) => store.insertTasks(tasks, now) };
});

const broadcast = toDraw(
  'broadcast',
  fc.record({ parent: task, children: fc.array(task, { maxLength: 4 }), isWhole: fc.boolean() }),
  (drawn, scene) => {
    const known = scene.tasks.filter((one) => one.lane === PARENT_LANE);
    const parent = { ...toTask(drawn.parent, { ...scene, tasks: known }), lane: PARENT_LANE };
    const children = toChildren(drawn.children, parent.id, scene);
    scene.tasks.push(parent, ...children);
    const { now } = scene;
    return { name: 'broadcast', rank: 3, run: (store) => store.insertBroadcast(parent, children, now, drawn.isWhole) };
  },
);

function toChildren(drawn: readonly DrawnTask[], parentId: string, scene: Scene): TaskInput[] {
  return drawn.map((child) => {
    // Mostly new ones: a child that was there already refuses them all.
    const again = child.again !== null && child.again % 4 === 0 ? child.again : null;
    return { ...toTask({ ...child, again, key: null }, scene), parentId };
  });
}

/** What is done to a broadcast that is not open yet, or is. */
const fill = toDraw(
  'fill',
  fc.record({
    kind: fc.constantFrom('extend', 'extend', 'open', 'open', 'abandon'),
    parent: pick,
    children: fc.array(task, { maxLength: 4 }),
    limit: fc.integer({ min: 1, max: 4 }),
  }),
  ({ kind, parent, children: drawn, limit }, scene) => {
    const { now } = scene;
    const known = scene.tasks.filter((one) => one.lane === PARENT_LANE);
    // Mostly the newest: the older are open.
    const { id } = known[Math.max(0, known.length - 1 - (parent % 3))] ?? { id: 'none' };
    if (kind === 'open') return { name: kind, rank: 4, run: (store) => store.openBroadcast(id, limit, now) };
    if (kind === 'abandon') return { name: kind, rank: 4, run: (store) => store.abandonBroadcast(id, limit) };
    const children = toChildren(drawn, id, scene);
    scene.tasks.push(...children);
    return { name: kind, rank: 3, run: (store) => store.extendBroadcast(id, children, now) };
  },
);

const request = fc.record({
  session: pick,
  lanes: fc.uniqueArray(fc.nat({ max: queues.length * lanes.length - 1 }), { maxLength: 6 }),
  limit: fc.nat({ max: 6 }),
  maxBytes: fc.constantFrom(0, 10, 10_000),
  mayExceed: fc.boolean(),
});

const claim = toDraw('claim', fc.array(request, { minLength: 1, maxLength: 4 }), (drawn, scene) => {
  const { now } = scene;
  const requests = drawn
    .filter(() => scene.sessions.length > 0)
    .map((each) => ({
      session: scene.sessions[each.session % scene.sessions.length]!.ref,
      lanes: each.lanes.map((n) => ({
        queue: queues[n % queues.length]!,
        lane: lanes[Math.floor(n / queues.length)]!,
      })),
      limit: each.limit,
      maxBytes: each.maxBytes,
      mayExceed: each.mayExceed,
    }));
  return {
    name: 'claim',
    rank: 5,
    run: (store) =>
      store.claimTasks(
        () => requests,
        () => now,
      ),
  };
});

/** A delivery that was, or one off it; named by its client or fenced by its session, or by another. */
const fence = fc.record({
  pick,
  off: fc.constantFrom(0, 0, 0, 0, 1),
  by: fc.constantFrom('client', 'client', 'owner', 'other'),
});
type FenceDraw = { pick: number; off: number; by: string };

function fenceOf(scene: Scene, drawn: FenceDraw): Fence | undefined {
  // Mostly recent ones: the older are settled.
  const { deliveries, sessions } = scene;
  const found = deliveries[Math.max(0, deliveries.length - 1 - (drawn.pick % 12))];
  if (!found) return undefined;
  const named = { taskId: found.taskId, delivery: found.delivery + drawn.off };
  if (drawn.by === 'client') return named;
  return { ...named, session: drawn.by === 'owner' ? found.session : sessions[drawn.pick % sessions.length]!.ref };
}

const settlement = fc.record({
  fence,
  kind: fc.constantFrom('succeeded', 'failed', 'failed', 'stopped', 'abandoned'),
  advice: fc.constantFrom({ kind: 'policy' }, { kind: 'never' }, { kind: 'after', ms: 3 }),
  random: fc.integer({ min: 0, max: 9 }).map((n) => n / 10),
});

const settle = toDraw('settle', fc.array(settlement, { minLength: 1, maxLength: 5 }), (drawn, scene) => {
  const { now } = scene;
  const settlements = drawn.flatMap(({ fence: named, kind, advice, random }) => {
    const found = fenceOf(scene, named);
    const error = { code: 'E', message: 'e' };
    const rest = { clientId: 'told', kind, result: Buffer.from('r'), contentType: 't', error, retry: advice, random };
    return found ? [{ ...found, ...rest } as unknown as Settlement] : [];
  });
  return { name: 'settle', rank: 0, run: (store) => store.settleTasks(settlements, now) };
});

const release = toDraw(
  'release',
  fc.array(fc.record({ fence, cause: fc.constantFrom('released', 'lost'), isStarted: fc.boolean() }), { maxLength: 3 }),
  (drawn, scene) => {
    const { now } = scene;
    const releases = drawn.flatMap(({ fence: named, cause, isStarted }) => {
      const found = fenceOf(scene, named);
      // Only the server, which has a session row in mind, calls a delivery lost.
      return found && (cause === 'released' || found.session) ? [{ ...found, cause, isStarted } as Release] : [];
    });
    return { name: 'release', rank: 1, run: (store) => store.releaseTasks(releases, now) };
  },
);

const openSession = toDraw(
  'openSession',
  fc.record({
    hash: fc.uuid(),
    client: fc.nat({ max: clients - 1 }),
    isNamed: fc.boolean(),
    resume: fc.option(fc.record({ session: pick, holding: fc.array(fence, { maxLength: 5 }), isTrue: fc.boolean() }), {
      freq: 3,
    }),
    started: fc.constantFrom('all', 'none', 'half'),
  }),
  ({ hash, client, isNamed, resume, started }, scene) => {
    const { now } = scene;
    const previous = resume && scene.sessions[resume.session % Math.max(1, scene.sessions.length)];
    const owner = previous && resume.isTrue ? previous.client : client;
    const holding = (resume?.holding ?? []).flatMap((each) => fenceOf(scene, { ...each, by: 'client' }) ?? []);
    const opening = {
      secretHash: hash,
      subject: '',
      clientId: `client${owner}`,
      isNamed,
      labels: {},
      queues: [],
      node: 'n',
      resume: resume ? { previousHash: previous?.hash ?? 'none', holding } : null,
      started: startedOf(scene, started),
    };
    const run = (store: Store) =>
      store.openSession(opening, now).then((opened) => ({ ...opened, hash, client: owner }));
    return { name: 'openSession', rank: 2, run };
  },
);

function startedOf(scene: Scene, kind: string): readonly Delivery[] | 'all' {
  if (kind === 'all') return 'all';
  return scene.deliveries.filter((_, i) => kind === 'half' && i % 2 === 0);
}

const endSession = toDraw(
  'endSession',
  fc.record({ session: pick, started: fc.constantFrom('all', 'none', 'half'), isLost: fc.boolean() }),
  ({ session, started, isLost }, scene) => {
    const { now } = scene;
    const { ref } = scene.sessions[session % Math.max(1, scene.sessions.length)] ?? { ref: { key: 99, epoch: 1 } };
    const known = startedOf(scene, started);
    if (isLost) return { name: 'loseSession', rank: 2, run: (store) => store.loseSession(ref, now) };
    return { name: 'endSession', rank: 2, run: (store) => store.endSession(ref, known, now) };
  },
);

const tend = toDraw(
  'tend',
  fc.record({
    kind: fc.constantFrom('cancel', 'retry', 'delete', 'wake', 'checkpoint'),
    picks: fc.array(pick, { maxLength: 3 }),
  }),
  ({ kind, picks }, scene) => {
    const { now } = scene;
    const ids = picks.flatMap((n) => scene.tasks[n % Math.max(1, scene.tasks.length)]?.id ?? []);
    const saved = picks.flatMap((n) => fenceOf(scene, { pick: n, off: 0, by: 'client' }) ?? []);
    const run = (store: Store): Promise<unknown> => {
      if (kind === 'cancel') return store.cancelTasks(ids, 'why', now);
      if (kind === 'retry') return store.retryTasks(ids, now);
      if (kind === 'delete') {
        const [id] = ids;
        return id === undefined ? store.deleteTasks([]) : store.deleteTasks([id]).then(([isGone]) => [{ id, isGone }]);
      }
      if (kind === 'wake') return store.wakeTasks(now, 3 + ids.length);
      return store.checkpointTasks(saved.map((each) => ({ ...each, data: Buffer.from(String(now)) })));
    };
    return { name: kind, rank: kind === 'checkpoint' ? 0 : 4, run };
  },
);

const operate = toDraw(
  'operate',
  fc.record({
    kind: fc.constantFrom('purge', 'limit', 'drain', 'look'),
    queue: fc.constantFrom(...queues),
    limit: fc.nat({ max: 4 }),
    client: fc.nat({ max: clients - 1 }),
  }),
  ({ kind, queue, limit, client }, scene) => {
    const { now } = scene;
    const run = (store: Store): Promise<unknown> => {
      if (kind === 'purge') return store.purgeTasks(queue, 1 + limit, 'purged', now);
      if (kind === 'drain') return store.drainClient(`client${client}`, limit % 2 === 0);
      if (kind === 'look') return store.listSelectorLanes(limit);
      // None, as often as not.
      const settings = { queue, isPaused: limit === 1, maxWaiting: limit > 2 ? limit * 4 : 0, maxRunning: limit };
      return store.setQueueSettings(settings);
    };
    // A read waits for nothing: alone in its turn it sees what was committed.
    return { name: kind, rank: kind === 'look' ? -1 : 4, run };
  },
);

/** Steps that form one group, and the time that passes before it. */
export const turns = fc.array(
  fc.record({
    passesMs: fc.constantFrom(0, 1, 7, 30),
    reopens: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    steps: fc.array(
      fc.oneof(
        { weight: 3, arbitrary: insert },
        { weight: 4, arbitrary: claim },
        { weight: 4, arbitrary: settle },
        { weight: 1, arbitrary: release },
        { weight: 2, arbitrary: openSession },
        { weight: 1, arbitrary: endSession },
        { weight: 3, arbitrary: tend },
        { weight: 1, arbitrary: broadcast },
        { weight: 2, arbitrary: fill },
        { weight: 1, arbitrary: operate },
      ),
      { minLength: 1, maxLength: 4 },
    ),
  }),
  { minLength: 1, maxLength: 40, size: 'max' },
);
