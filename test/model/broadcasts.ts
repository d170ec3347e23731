import { UNTIL_OPEN } from '../../server/model/broadcast.ts';
import { PARENT_LANE } from '../../server/model/lane.ts';
import type { BroadcastInput, LaneRef, TaskInput } from '../../server/model/task.ts';
import type { BroadcastStore, OpenedBroadcast } from '../../server/store/broadcasts.ts';
import type { InsertOutcome } from '../../server/store/tasks.ts';
import { ContactError } from '../../shared/errors.ts';
import { insertTasks } from './inserts.ts';
import { cancel, endParent, recordsOf, type Settled, type World } from './rules.ts';
import { laneOf, type ModelTask, noteAct } from './task.ts';

/** How broadcasts come to be. */
export type Broadcasting = Pick<
  BroadcastStore,
  'insertBroadcast' | 'extendBroadcast' | 'openBroadcast' | 'abandonBroadcast' | 'listUnopened'
>;

export function createBroadcasting(world: World): Broadcasting {
  function insert(
    { audience, ...given }: BroadcastInput,
    children: readonly TaskInput[],
    now: number,
    filledBy: string | null,
  ): InsertOutcome {
    const parent = { ...given, lane: PARENT_LANE, runAt: null, expiresAt: null };
    const [stored] = insertTasks(world, [parent], now);
    if (stored!.deduplicated) {
      const known = world.tasks.get(stored!.id)!.audience;
      if (known === null || known === audience) return stored!;
      const field = stored!.id === parent.id ? 'id' : 'idempotency_key';
      throw new ContactError('ALREADY_EXISTS', `tasks[0].${field}: a broadcast to others has it`);
    }
    const task = world.tasks.get(parent.id)!;
    task.audience = audience;
    task.counts = { children: 0, succeeded: 0, failed: 0, cancelled: 0, expired: 0 };
    task.phase = filledBy === null ? 'open' : 'filling';
    task.filledBy = filledBy;
    try {
      if (children.length === 0) throw new ContactError('FAILED_PRECONDITION', 'broadcast: no client matches');
      addChildren(task, children, now);
    } catch (error) {
      world.tasks.delete(parent.id);
      throw error;
    }
    task.childRunAt = children[0]!.runAt;
    return stored!;
  }

  function extend(parentId: string, children: readonly TaskInput[], now: number): void {
    const parent = world.tasks.get(parentId);
    if (parent?.phase !== 'filling') throw new ContactError('FAILED_PRECONDITION', 'tasks[0].id: not filling');
    addChildren(parent, children, now);
  }

  function addChildren(parent: ModelTask, children: readonly TaskInput[], now: number): void {
    const before = new Map(world.tasks);
    const named = children.map((child) => ({
      ...child,
      parentId: parent.input.id,
      createdBy: parent.input.createdBy,
      ...(parent.phase === 'filling' ? { runAt: UNTIL_OPEN } : {}),
    }));
    try {
      if (insertTasks(world, named, now).some((outcome) => outcome.deduplicated)) {
        throw new ContactError('ALREADY_EXISTS', 'tasks[0].id: a task has the id of a child');
      }
    } catch (error) {
      world.tasks.clear();
      for (const [id, task] of before) world.tasks.set(id, task);
      if (!(error instanceof ContactError)) throw error;
      throw new ContactError(error.code, error.problem.replace(/^tasks\[\d+\]/, 'tasks[0]'), {
        ...(error.field === undefined ? {} : { field: error.field }),
        ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      });
    }
    parent.counts = { ...parent.counts!, children: parent.counts!.children + children.length };
    for (const { id } of children) world.tasks.get(id)!.countsFor = parent.input.id;
  }

  const heldBy = ({ input }: ModelTask): ModelTask[] =>
    [...world.tasks.values()].filter(
      (task) => task.countsFor === input.id && task.state === 'scheduled' && task.runAt === null,
    );

  function open(parentId: string, limit: number, now: number): OpenedBroadcast {
    const parent = world.tasks.get(parentId);
    if (!parent || parent.phase === 'open') return { ready: [], events: [], isOpen: true, dueAt: null };
    const { childRunAt: runAt, cancelReason: reason } = parent;
    parent.phase = 'opening';
    const isDue = runAt === null || runAt <= now;
    const ready: LaneRef[] = [];
    const settled: Settled[] = [];
    for (const child of heldBy(parent).slice(0, limit)) {
      if (reason !== null) {
        noteAct(child, { kind: 'cancelled', at: now, by: parent.acts[0]!.by, reason });
        settled.push(cancel(world, child, reason, '', false, now));
        continue;
      }
      Object.assign(child, isDue ? { state: 'ready', seq: ++world.seq } : { runAt });
      const { queue, lane } = laneOf(child);
      if (isDue && !ready.some((ref) => ref.queue === queue && ref.lane === lane)) ready.push({ queue, lane });
    }
    const isOpen = heldBy(parent).length === 0;
    if (isOpen) parent.phase = 'open';
    const end = endParent(world, parent, now);
    return { ready, events: [...recordsOf(settled), ...(end ? [end] : [])], isOpen, dueAt: isDue ? null : runAt };
  }

  function abandon(parentId: string, limit: number): boolean {
    const parent = world.tasks.get(parentId);
    if (parent?.phase !== 'filling') return true;
    for (const { input } of heldBy(parent).slice(0, limit)) world.tasks.delete(input.id);
    const isDone = heldBy(parent).length === 0;
    if (isDone) world.tasks.delete(parentId);
    return isDone;
  }

  return {
    insertBroadcast: async (parent, children, now, filledBy = null) => insert(parent, children, now, filledBy),
    extendBroadcast: async (parentId, children, now) => extend(parentId, children, now),
    openBroadcast: async (parentId, limit, now) => open(parentId, limit, now),
    abandonBroadcast: async (parentId, limit) => abandon(parentId, limit),
    listUnopened: async (node) =>
      [...world.tasks.values()]
        .filter(({ phase, filledBy }) => phase !== 'open' && filledBy === node)
        .map(({ input, phase }) => ({ parentId: input.id, isOpening: phase === 'opening' })),
  };
}
