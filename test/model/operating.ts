import { EVERY_QUEUE, isInScope } from '../../server/model/caller.ts';
import { isSelectorLane, PARENT_LANE } from '../../server/model/lane.ts';
import type { LaneRef } from '../../server/model/task.ts';
import type { BroadcastStore } from '../../server/store/broadcasts.ts';
import type { ClientStore } from '../../server/store/clients.ts';
import {
  DEFAULT_SETTINGS,
  hasSettings,
  type PurgeOutcome,
  type QueueActor,
  type QueueChange,
  type QueueSettings,
  type QueueStore,
} from '../../server/store/queues.ts';
import { checkFree, isEnrolled, ownerOf } from './owners.ts';
import { cancel, mayBeOne, recordsOf, type World } from './rules.ts';
import { runningOf } from './sessions.ts';
import { hasSettled, type ModelTask, noteAct } from './task.ts';

/** What operators see and do. */
export function createOperating(
  world: World,
): Omit<QueueStore, 'countQueues' | 'findWaiting' | 'isUsed' | 'listUsed'> &
  ClientStore &
  Pick<BroadcastStore, 'countChildren'> {
  const waiting = (queue: string): ModelTask[] =>
    [...world.tasks.values()].filter(
      ({ input, state }) =>
        input.queue === queue && input.lane !== PARENT_LANE && (state === 'ready' || state === 'scheduled'),
    );

  function purgeTasks(queue: string, limit: number, reason: string, now: number, by: string): PurgeOutcome {
    // The map keeps the order of insertion, and sort is stable.
    const tasks = waiting(queue).sort(
      (a, b) =>
        compare(a.input.lane, b.input.lane) ||
        compare(a.state, b.state) ||
        (a.state === 'ready' ? b.input.priority - a.input.priority || a.seq - b.seq : a.runAt! - b.runAt!),
    );
    const purged = tasks.slice(0, limit);
    for (const task of purged) {
      noteAct(task, { kind: 'cancelled', at: now, by, reason });
      world.acts.note({ kind: 'queue_purged', at: now, by, queue, taskId: task.input.id });
    }
    const events = recordsOf(purged.map((task) => cancel(world, task, reason, '', false, now)));
    return { count: purged.length, events };
  }

  function noteSettings(
    { queue, isPaused, ...change }: QueueChange,
    { maxWaiting, maxRunning, retention }: QueueSettings,
    { by, now, isDeletion }: QueueActor,
  ): void {
    const act = { at: now, by, queue };
    if (isDeletion) {
      world.acts.note({ ...act, kind: 'queue_deleted' });
      return;
    }
    if (isPaused !== undefined) world.acts.note({ ...act, kind: isPaused ? 'queue_paused' : 'queue_resumed' });
    if ('maxWaiting' in change || 'maxRunning' in change) {
      world.acts.note({ ...act, kind: 'queue_limited', limits: { maxWaiting, maxRunning } });
    }
    if ('retention' in change) world.acts.note({ ...act, kind: 'queue_retained', retention });
  }

  function listOldest(queue: string, limit: number) {
    const heads = new Map<string, ModelTask>();
    for (const task of waiting(queue).filter(({ state }) => state === 'ready')) {
      const place = `${task.input.lane} ${task.input.priority}`;
      const head = heads.get(place);
      if (!head || task.seq < head.seq) heads.set(place, task);
    }
    const priorities = [...new Set([...heads.values()].map((task) => task.input.priority))];
    return priorities
      .sort((a, b) => b - a)
      .slice(0, limit)
      .map((priority) => {
        const ofIt = [...heads.values()].filter((task) => task.input.priority === priority);
        return { priority, createdAt: Math.min(...ofIt.map((task) => task.createdAt)) };
      });
  }

  function listSelectorLanes(limit: number): readonly LaneRef[] {
    const lanes = new Map<string, LaneRef>();
    for (const task of world.tasks.values()) {
      const { queue, lane } = task.input;
      if (!hasSettled(task) && isSelectorLane(lane)) lanes.set(`${queue} ${lane}`, { queue, lane });
    }
    return [...lanes.values()].sort((a, b) => compare(a.queue, b.queue) || compare(a.lane, b.lane)).slice(0, limit);
  }

  function countLanes(queue: string, limit: number) {
    const counts = new Map<string, number>();
    for (const { input, state } of waiting(queue)) {
      if (state === 'ready') counts.set(input.lane, (counts.get(input.lane) ?? 0) + 1);
    }
    return [...counts]
      .map(([lane, ready]) => ({ lane, ready }))
      .sort((a, b) => b.ready - a.ready || compare(a.lane, b.lane))
      .slice(0, limit);
  }

  function countAhead(id: string, limit: number): number {
    const task = world.tasks.get(id);
    if (task?.state !== 'ready') return 0;
    const { queue, lane, priority } = task.input;
    const others = [...world.tasks.values()].filter(
      ({ input, state }) => state === 'ready' && input.queue === queue && input.lane === lane,
    );
    const isAhead = (one: ModelTask) =>
      one.input.priority === priority ? one.seq < task.seq : one.input.priority > priority;
    return Math.min(limit, others.filter(isAhead).length);
  }

  return {
    countAhead: async (id, limit) => countAhead(id, limit),
    purgeTasks: async (queue, limit, reason, now, by = '') =>
      world.acts.during(() => purgeTasks(queue, limit, reason, now, by)),
    countChildren: async (parentId, scope = EVERY_QUEUE) => {
      const parent = world.tasks.get(parentId);
      return parent && isInScope(scope, parent.input.queue) ? (parent.counts ?? undefined) : undefined;
    },
    listSelectorLanes: async (limit) => listSelectorLanes(limit),
    countLanes: async (queue, limit) => countLanes(queue, limit),
    listOldest: async (queue, limit) => listOldest(queue, limit),
    listQueueSettings: async () =>
      [...world.settings.values()].filter(hasSettings).sort((a, b) => compare(a.queue, b.queue)),
    setQueueSettings: async (change, actor) => {
      const before = { ...DEFAULT_SETTINGS, ...world.settings.get(change.queue) };
      const settings = { ...before, ...change };
      world.settings.set(change.queue, settings);
      if (actor) world.acts.during(() => noteSettings(change, settings, actor));
      return settings;
    },
    listClients: async (after, limit) =>
      [...world.clients.values()]
        .filter(({ clientId }) => clientId > after)
        .sort((a, b) => compare(a.clientId, b.clientId))
        .slice(0, Math.min(limit, 500)),
    listServing: async (after, limit) =>
      [...world.methods]
        .filter(([clientId]) => clientId > after && world.clients.has(clientId))
        .map(([clientId, methods]) => ({ clientId, methods, subject: world.clients.get(clientId)!.subject }))
        .sort((a, b) => compare(a.clientId, b.clientId))
        .slice(0, Math.min(limit, 50)),
    ownerOf: async (clientId, now) => ownerOf(world, clientId, now),
    rememberServing: async ({ clientId, labels, methods, subject }, now) => {
      checkFree(world, clientId, subject, now);
      const before = world.clients.get(clientId) ?? { clientId, queues: [], isDrained: false, subject: '' };
      world.clients.set(clientId, { ...before, labels, lastSeenAt: now, subject: subject || before.subject });
      world.serving.add(clientId);
      world.methods.set(clientId, methods);
    },
    leaveServing: async ({ clientId, subject }, now) => {
      const client = world.clients.get(clientId);
      if (!client || !world.methods.has(clientId) || !mayBeOne(client.subject, subject)) return;
      world.clients.set(clientId, { ...client, lastSeenAt: now });
      world.serving.delete(clientId);
    },
    forgetClient: async (clientId, now, by = '') => {
      const sessions = [...world.sessions.values()].filter((session) => session.clientId === clientId);
      if (world.serving.has(clientId) || sessions.some(({ isLost }) => !isLost)) return 'here';
      if (isEnrolled(world, clientId, now)) return 'enrolled';
      if (!world.clients.has(clientId)) return 'unknown';
      if (sessions.some(({ key }) => runningOf(world, key).length > 0)) return 'awaited';
      for (const { key } of sessions) world.sessions.delete(key);
      world.clients.delete(clientId);
      world.methods.delete(clientId);
      await world.acts.noteAct({ kind: 'client_forgotten', at: now, by, clientId });
      return 'forgotten';
    },
    findClient: async (clientId) => world.clients.get(clientId) ?? null,
    drainClient: async (clientId, isDrained, actor) => {
      const client = world.clients.get(clientId);
      if (client) world.clients.set(clientId, { ...client, isDrained });
      const kind = isDrained ? 'client_drained' : 'client_resumed';
      if (actor && (client || actor.isHere)) {
        await world.acts.noteAct({ kind, at: actor.now, by: actor.by, clientId });
      }
      return client !== undefined;
    },
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
