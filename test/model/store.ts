import { EVERY_QUEUE, isInScope, type QueueScope } from '../../server/model/caller.ts';
import { PARENT_LANE } from '../../server/model/lane.ts';
import type { Retention } from '../../server/model/retention.ts';
import type { LaneRef } from '../../server/model/task.ts';
import type { Actor } from '../../server/store/acts.ts';
import type { StoreBounds } from '../../server/store/options.ts';
import type { QueueCounts } from '../../server/store/queues.ts';
import type { Store } from '../../server/store/store.ts';
import type { CancelOutcome, PruneOutcome, RedriveOutcome, WakeOutcome } from '../../server/store/tasks.ts';
import { ContactError } from '../../shared/errors.ts';
import { createActs } from './acts.ts';
import { listAttempts } from './attempts.ts';
import { createBroadcasting } from './broadcasts.ts';
import { claim } from './claims.ts';
import { withClose } from './closing.ts';
import { createCredentials } from './credentials.ts';
import { listFailures } from './failures.ts';
import { findTasks } from './filter.ts';
import { createHistory } from './history.ts';
import { insertTasks } from './inserts.ts';
import { createOperating } from './operating.ts';
import { findPruned } from './retention.ts';
import { cancel, recordsOf, releaseOne, settle, settleOne, type World } from './rules.ts';
import { describeSession, endSession, loseSession, openSession } from './sessions.ts';
import { withSignals } from './signals.ts';
import { describe, hasSettled, laneOf, type ModelTask, noteAct, refOf, whyExpired } from './task.ts';
import { keepLine, linesAfter } from './tasklog.ts';
import { inTurns } from './turns.ts';

/** Who does something to tasks of which queues, and when. */
interface Act extends Actor {
  readonly scope: QueueScope;
}

/**
 * The Store port as plainly as it can be said: maps, no transactions, nothing fast. For tests only.
 * @param serving clients that serve methods: nobody does any more once the process of a server has ended, and a test that
 *   plays that empties it
 */
export function createModelStore(
  { maxWaitingTasksPerPrincipal = Number.POSITIVE_INFINITY }: StoreBounds = {},
  serving: Set<string> = new Set(),
): Store {
  const world: World = {
    tasks: new Map(),
    sessions: new Map(),
    results: [],
    settings: new Map(),
    clients: new Map(),
    methods: new Map(),
    serving,
    credentials: new Map(),
    position: 0,
    seq: 0,
    lastSession: 0,
    maxWaitingPerPrincipal: maxWaitingTasksPerPrincipal,
    acts: createActs(),
  };
  const { tasks, sessions, acts } = world;

  function findIn(scope: QueueScope, id: string): ModelTask | undefined {
    const task = tasks.get(id);
    return task && isInScope(scope, task.input.queue) ? task : undefined;
  }

  function cancelOne(
    id: string,
    reason: string,
    { now, scope, by, isOrder }: Act & { readonly isOrder: boolean },
  ): CancelOutcome {
    const task = findIn(scope, id);
    if (!task) return { id, kind: 'not_found' };
    if (hasSettled(task)) return { id, kind: 'settled' };
    if (task.cancelReason === null) {
      noteAct(task, { kind: 'cancelled', at: now, by, reason });
      if (isOrder) acts.note({ kind: 'tasks_cancelled', at: now, by, queue: task.input.queue, taskId: id, reason });
    }
    if (task.state !== 'running' && !task.counts) {
      return { id, kind: 'cancelled', ...cancel(world, task, reason, '', false, now) };
    }
    task.cancelReason ??= reason;
    if (task.counts) return { id, kind: 'children' };
    const session = refOf(sessions.get(task.session!)!);
    return { id, kind: 'requested', session, delivery: task.delivery, reason: task.cancelReason };
  }

  function redriveOne(id: string, { now, scope, by }: Act): RedriveOutcome {
    const task = findIn(scope, id);
    if (!task) return { id, kind: 'not_found' };
    if (task.state !== 'failed' || task.input.lane === PARENT_LANE) return { id, kind: 'not_failed' };
    const fresh = { burnt: 0, lost: 0, ended: 'redriven', lastError: null, expiresAt: null };
    Object.assign(task, { state: 'ready', ...fresh, seq: ++world.seq });
    noteAct(task, { kind: 'redriven', at: now, by, reason: '' });
    acts.note({ kind: 'tasks_redriven', at: now, by, queue: task.input.queue, taskId: id });
    return { id, kind: 'ready', lane: laneOf(task) };
  }

  function deleteOne(id: string, scope: QueueScope, actor?: Actor): boolean {
    const task = findIn(scope, id);
    if (!task || !hasSettled(task)) return false;
    if (actor) acts.note({ kind: 'tasks_deleted', at: actor.now, by: actor.by, queue: task.input.queue, taskId: id });
    tasks.delete(id);
    world.results.splice(0, world.results.length, ...world.results.filter((record) => record.taskId !== id));
    return true;
  }

  function pruneTasks(retention: Retention, limit: number, now: number): PruneOutcome {
    const found = findPruned(world, retention, now);
    const taskIds = found.slice(0, limit);
    for (const id of taskIds) deleteOne(id, EVERY_QUEUE);
    return { taskIds, isDone: found.length <= limit };
  }

  function wakeTasks(now: number, limit: number): WakeOutcome {
    const waiting = [...tasks.values()].filter((task) => task.state === 'ready' || task.state === 'scheduled');
    const past = waiting.filter((task) => task.expiresAt !== null && task.expiresAt <= now);
    const expired = past
      .sort((a, b) => a.expiresAt! - b.expiresAt!)
      .slice(0, limit)
      .map((task) => {
        const error = { code: 'EXPIRED', message: whyExpired(task) };
        return settle(world, task, { state: 'expired', clientId: '', attempt: task.burnt, isTold: false, error }, now);
      });
    const due = waiting.filter((task) => task.state === 'scheduled' && task.runAt !== null && task.runAt <= now);
    const ready: LaneRef[] = [];
    for (const task of due.sort((a, b) => a.runAt! - b.runAt!).slice(0, limit - expired.length)) {
      Object.assign(task, { state: 'ready', seq: ++world.seq, runAt: null });
      const { queue, lane } = laneOf(task);
      if (!ready.some((ref) => ref.queue === queue && ref.lane === lane)) ready.push({ queue, lane });
    }
    const instants = [...tasks.values()].flatMap((task) => [
      ...(task.state === 'scheduled' && task.runAt !== null ? [task.runAt] : []),
      ...((task.state === 'scheduled' || task.state === 'ready') && task.expiresAt !== null ? [task.expiresAt] : []),
    ]);
    return { ready, expired: recordsOf(expired), nextDueAt: instants.length === 0 ? null : Math.min(...instants) };
  }

  function listUsed(limit = Number.POSITIVE_INFINITY): string[] {
    const isUsed = ({ running, settled }: QueueCounts): boolean => running + settled.succeeded + settled.failed > 0;
    return countQueues()
      .slice(0, limit)
      .filter(isUsed)
      .map(({ queue }) => queue);
  }

  function countQueues(): readonly QueueCounts[] {
    const names = [...new Set([...tasks.values()].map((task) => task.input.queue))];
    return names.map((queue) => {
      const count = (state: string) =>
        [...tasks.values()].filter((task) => task.input.queue === queue && task.state === state).length;
      const settled = {
        succeeded: count('succeeded'),
        failed: count('failed'),
        cancelled: count('cancelled'),
        expired: count('expired'),
      };
      return { queue, ready: count('ready'), scheduled: count('scheduled'), running: count('running'), settled };
    });
  }

  const store = {
    capabilities: { kind: 'model', isDurable: false, isShared: false },
    epoch: 'model',
    insertTasks: async (inputs, now) => insertTasks(world, inputs, now),
    claimTasks: async (plan, now, onClaimed) => {
      const outcomes = claim(world, plan(), now());
      onClaimed?.(outcomes);
      return outcomes;
    },
    settleTasks: async (settlements, now) => settlements.map((each) => settleOne(world, each, now)),
    releaseTasks: async (releases, now) => releases.map((each) => releaseOne(world, each, now)),
    checkpointTasks: async (checkpoints) =>
      checkpoints.map(({ taskId, delivery, data }) => {
        const task = tasks.get(taskId);
        if (task?.state !== 'running' || task.delivery !== delivery) return false;
        task.checkpoint = Uint8Array.from(data);
        return true;
      }),
    logTasks: async (lines) =>
      lines.map((line) => {
        const task = tasks.get(line.taskId);
        if (task) keepLine(task, line);
        return task !== undefined;
      }),
    cancelTasks: async (ids, reason, now, scope = EVERY_QUEUE, by = '', isOrder = true) =>
      acts.during(() => ids.map((id) => cancelOne(id, reason, { now, scope, by, isOrder }))),
    redriveTasks: async (ids, now, scope = EVERY_QUEUE, by = '') =>
      acts.during(() => ids.map((id) => redriveOne(id, { now, scope, by }))),
    deleteTasks: async (ids, scope = EVERY_QUEUE, actor) =>
      acts.during(() => ids.map((id) => deleteOne(id, scope, actor))),
    listActs: acts.listActs,
    noteAct: acts.noteAct,
    ...createHistory(),
    pruneTasks: async (retention, limit, now) => pruneTasks(retention, limit, now),
    wakeTasks: async (now, limit) => wakeTasks(now, limit),
    openSession: async (opening, now) => openSession(world, opening, now),
    loseSession: async (session, now) => loseSession(world, session, now),
    endSession: async (session, started, now) => endSession(world, session, started, now),
    // It never outlives a process, so nobody left anything behind.
    listSessions: async () => [],
    describeSessions: async (refs) => refs.map((ref) => describeSession(world, ref)),
    readResults: async (after, limit) =>
      world.results.filter((each) => each.position > after).slice(0, Math.min(limit, 500)),
    resultBounds: async () => ({
      newest: world.position,
      beforeOldest: (world.results[0]?.position ?? world.position + 1) - 1,
    }),
    describeTask: async (id, scope = EVERY_QUEUE) => {
      const task = findIn(scope, id);
      const record = task && describe(task, sessions);
      return record && { ...record, attempts: listAttempts(task, record.clientId), acts: task.acts, log: task.log };
    },
    listLog: async (id, after, scope = EVERY_QUEUE) => linesAfter(findIn(scope, id), after),
    listTasks: async (filter, before, limit, scope = EVERY_QUEUE) =>
      findTasks(world, filter, scope)
        .filter((task) => before === null || task.id < before)
        .sort((a, b) => (a.id < b.id ? 1 : -1))
        .slice(0, Math.min(limit, 500)),
    countTasks: async (filter, scope = EVERY_QUEUE) => {
      const counts = { scheduled: 0, ready: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, expired: 0 };
      for (const { state } of findTasks(world, filter, scope)) counts[state] += 1;
      return counts;
    },
    listFailures: async (query, limit, scope = EVERY_QUEUE) => listFailures(world, query, limit, scope),
    countQueues: async () => countQueues(),
    findWaiting: async () => ({
      readyQueues: countQueues().flatMap(({ queue, ready }) => (ready > 0 ? [queue] : [])),
      isAny: countQueues().some(({ ready, scheduled }) => ready + scheduled > 0),
    }),
    isUsed: async (name) => listUsed().includes(name),
    listUsed: async (limit) => listUsed(limit),
    ...createBroadcasting(world),
    ...createOperating(world),
    ...createCredentials(world),
    backUp: async () => {
      throw new ContactError('FAILED_PRECONDITION', 'store: it is in memory, and has no file to copy');
    },
    refusal: () => undefined,
    writeFailure: () => undefined,
    space: () => undefined,
    // It has no bound of all tasks or queues.
    usage: () => [],
    close: async () => {},
  } satisfies Omit<Store, 'signals$'>;
  const { refusal, space, usage } = store;
  return { ...withSignals(inTurns(withClose(store))), refusal, space, usage };
}
