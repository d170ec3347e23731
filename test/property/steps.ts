import fc from 'fast-check';
import type { Fence, Release, Settlement } from '../../server/store/deliveries.ts';
import type { StartedDelivery } from '../../server/store/sessions.ts';
import type { Store } from '../../server/store/store.ts';
import { broadcast, fill } from './broadcasts.ts';
import { lanes, pick, queues, type Scene, task, toDraw, toTask } from './draw.ts';

const clients = 3;
/** Of callers that nobody asked, and of two that may have the same client ids. */
const subjects = ['', 'alice', 'bob'] as const;

const insert = toDraw('insert', fc.array(task, { maxLength: 5 }), (drawn, scene) => {
  const tasks = drawn.map((each) => toTask(each, scene));
  scene.tasks.push(...tasks);
  const { now } = scene;
  return { name: 'insert', rank: 3, run: (store) => store.insertTasks(tasks, now) };
});

/** Enough of one kind that they become a backlog where little is kept. */
const flood = toDraw(
  'flood',
  fc.record({ ids: fc.array(fc.uuid({ version: 7 }), { minLength: 4, maxLength: 12 }), like: task }),
  ({ ids, like }, scene) => {
    const tasks = ids.map((id) =>
      toTask({ ...like, id, again: null, runIn: null, expiresIn: null, idempotencyKey: null, priority: 0 }, scene),
    );
    scene.tasks.push(...tasks);
    const { now } = scene;
    return { name: 'insert', rank: 3, run: (store) => store.insertTasks(tasks, now) };
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
  by: fc.constantFrom('client', 'client', 'owner', 'other', 'namer'),
  namer: fc.record({ client: fc.option(fc.nat({ max: clients - 1 })), subject: fc.constantFrom(...subjects) }),
});
type FenceDraw = {
  pick: number;
  off: number;
  by: string;
  namer?: { client: number | null; subject: string };
};

function fenceOf(scene: Scene, drawn: FenceDraw): Fence | undefined {
  // Mostly recent ones: the older are settled.
  const { deliveries, sessions } = scene;
  const found = deliveries[Math.max(0, deliveries.length - 1 - (drawn.pick % 12))];
  if (!found) return undefined;
  const named = { taskId: found.taskId, delivery: found.delivery + drawn.off };
  if (drawn.by === 'client') return named;
  if (drawn.by === 'namer') {
    const { client, subject } = drawn.namer!;
    return { ...named, namedBy: { clientId: client === null ? undefined : `client${client}`, subject } };
  }
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
    const error = { code: 'E', message: 'e', ...(random > 0.5 ? { detail: 'd' } : {}) };
    const startedAt = random > 0.3 ? now - 1 : null;
    const rest = {
      clientId: 'told',
      startedAt,
      kind,
      result: Buffer.from('r'),
      contentType: 't',
      error,
      retry: advice,
      random,
    };
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
      const known = isStarted ? { startedAt: now - 1 } : {};
      return found && (cause === 'released' || found.session)
        ? [{ ...found, cause, isStarted, ...known } as Release]
        : [];
    });
    return { name: 'release', rank: 1, run: (store) => store.releaseTasks(releases, now) };
  },
);

/** What a resume is known to have begun; nothing at all is said now and then. */
function startedIf(scene: Scene, started: string): { started?: readonly StartedDelivery[] } {
  const names = startedOf(scene, started);
  return names === 'all' ? {} : { started: names };
}

const openSession = toDraw(
  'openSession',
  fc.record({
    hash: fc.uuid(),
    subject: fc.constantFrom(...subjects),
    client: fc.nat({ max: clients - 1 }),
    isNamed: fc.boolean(),
    resume: fc.option(fc.record({ session: pick, holding: fc.array(fence, { maxLength: 5 }), isTrue: fc.boolean() }), {
      freq: 3,
    }),
    started: fc.constantFrom('all', 'none', 'half'),
  }),
  ({ hash, subject, client, isNamed, resume, started }, scene) => {
    const { now } = scene;
    const previous = resume && scene.sessions[resume.session % Math.max(1, scene.sessions.length)];
    const isTrue = previous && resume.isTrue;
    const owner = isTrue ? previous.client : client;
    const by = isTrue ? previous.subject : subject;
    const holding = (resume?.holding ?? []).flatMap((each) => fenceOf(scene, { ...each, by: 'client' }) ?? []);
    const opening = {
      secretHash: hash,
      subject: by,
      clientId: `client${owner}`,
      isNamed,
      labels: {},
      queues: [],
      node: 'n',
      resume: resume ? { previousHash: previous?.hash ?? 'none', holding, ...startedIf(scene, started) } : null,
      started: startedOf(scene, started),
    };
    const run = (store: Store) =>
      store.openSession(opening, now).then((opened) => ({ ...opened, hash, client: owner, subject: by }));
    return { name: 'openSession', rank: 2, run };
  },
);

function startedOf(scene: Scene, kind: string): readonly StartedDelivery[] | 'all' {
  if (kind === 'all') return 'all';
  const half = scene.deliveries.filter((_, i) => kind === 'half' && i % 2 === 0);
  return half.map((one, i) => (i % 3 === 0 ? one : { ...one, startedAt: scene.now - i }));
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
    kind: fc.constantFrom('cancel', 'redrive', 'delete', 'wake', 'checkpoint', 'log'),
    picks: fc.array(pick, { maxLength: 3 }),
  }),
  ({ kind, picks }, scene) => {
    const { now } = scene;
    const ids = picks.flatMap((n) => scene.tasks[n % Math.max(1, scene.tasks.length)]?.id ?? []);
    const saved = picks.flatMap((n) => fenceOf(scene, { pick: n, off: 0, by: 'client' }) ?? []);
    const run = (store: Store): Promise<unknown> => {
      if (kind === 'cancel') return store.cancelTasks(ids, 'why', now, undefined, `by ${ids.length}`);
      if (kind === 'redrive') return store.redriveTasks(ids, now, undefined, `by ${ids.length}`);
      if (kind === 'delete') {
        const [id] = ids;
        return id === undefined ? store.deleteTasks([]) : store.deleteTasks([id]).then(([isGone]) => [{ id, isGone }]);
      }
      if (kind === 'wake') return store.wakeTasks(now, 3 + ids.length);
      if (kind === 'checkpoint') {
        return store.checkpointTasks(saved.map((each) => ({ ...each, data: Buffer.from(String(now)) })));
      }
      // Many numbers at once, so that others are pushed out; the text of each is whoever's came first.
      const number = 1 + 40 * ids.length;
      return store.logTasks(
        saved.flatMap(({ taskId, delivery }) =>
          Array.from({ length: 40 }, (_, at) => {
            const line = { number: number + at, level: 'info', at: now, text: `${now}` } as const;
            return { taskId, delivery, ...line };
          }),
        ),
      );
    };
    return { name: kind, rank: kind === 'checkpoint' || kind === 'log' ? 0 : 4, run };
  },
);

/** Short enough that something is over it, and long enough that something is not. */
const retention = fc.record({
  maxAgeMs: fc.constantFrom(0, 1, 700_000, 1_400_000),
  maxCount: fc.constantFrom(0, 1, 3),
});

const operate = toDraw(
  'operate',
  fc.record({
    kind: fc.constantFrom('purge', 'limit', 'retain', 'drain', 'serve', 'leave', 'forget', 'look'),
    queue: fc.constantFrom(...queues),
    limit: fc.nat({ max: 4 }),
    client: fc.nat({ max: clients - 1 }),
    subject: fc.constantFrom(...subjects),
    own: fc.option(retention),
  }),
  ({ kind, queue, limit, client, subject, own }, scene) => {
    const { now } = scene;
    const run = (store: Store): Promise<unknown> => {
      if (kind === 'purge') return store.purgeTasks(queue, 1 + limit, 'purged', now, `by ${limit}`);
      if (kind === 'drain') return store.drainClient(`client${client}`, limit % 2 === 0);
      if (kind === 'retain') return store.setQueueSettings({ queue, retention: own });
      if (kind === 'serve') {
        const methods = Array.from({ length: 1 + limit }, (_, at) => `p.S/M${at}`);
        return store.rememberServing({ clientId: `client${client}`, labels: {}, methods, subject }, now);
      }
      if (kind === 'leave') return store.leaveServing({ clientId: `client${client}`, subject }, now);
      if (kind === 'forget') return store.forgetClient(`client${client}`, now);
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
    // Now and then so much that what is settled may be pruned.
    passesMs: fc.constantFrom(0, 1, 7, 30, 0, 1, 7, 30, 700_000),
    prunes: fc.option(retention, { freq: 4 }),
    reopens: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    fails: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    steps: fc.array(
      fc.oneof(
        { weight: 3, arbitrary: insert },
        { weight: 3, arbitrary: flood },
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
