import { PARENT_LANE } from '../../server/model/broadcast.ts';
import type { TaskInput } from '../../server/model/task.ts';
import type { InsertOutcome } from '../../server/store/store.ts';
import { ContactError } from '../../shared/errors.ts';
import type { World } from './rules.ts';
import { isSameContent, type ModelTask } from './task.ts';

export function insertTasks(world: World, inputs: readonly TaskInput[], now: number): readonly InsertOutcome[] {
  const known = new Map([...world.tasks].map(([id, task]) => [id, task.input]));
  const fresh: TaskInput[] = [];
  const outcomes = inputs.map((input, i) => {
    const byKey = [...known.values()].find((t) => t.key !== null && t.key === input.key && t.queue === input.queue);
    const stored = known.get(input.id) ?? byKey;
    if (!stored) {
      const { maxWaiting = 0 } = world.settings.get(input.queue) ?? {};
      const waiting = countWaiting(world, input.queue) + fresh.filter((t) => t.queue === input.queue).length;
      if (maxWaiting > 0 && waiting >= maxWaiting) {
        throw new ContactError('RESOURCE_EXHAUSTED', `tasks[${i}].queue: full`, { retryAfterMs: 1_000 });
      }
      known.set(input.id, input);
      fresh.push(input);
      return { id: input.id, deduplicated: false };
    }
    if (isSameContent(stored, input)) return { id: stored.id, deduplicated: true };
    const field = stored.id === input.id ? 'id' : 'idempotency_key';
    throw new ContactError('ALREADY_EXISTS', `tasks[${i}].${field}: a task with other content has it`);
  });
  for (const input of fresh) world.tasks.set(input.id, createTask(world, input, now));
  return outcomes;
}

function countWaiting(world: World, queue: string): number {
  const tasks = [...world.tasks.values()].filter((task) => task.input.queue === queue);
  return tasks.filter((task) => task.state === 'ready' || task.state === 'scheduled').length;
}

export function insertBroadcast(
  world: World,
  given: TaskInput,
  children: readonly TaskInput[],
  now: number,
): InsertOutcome {
  const parent = { ...given, lane: PARENT_LANE, runAt: null, expiresAt: null };
  const before = new Map(world.tasks);
  const [stored] = insertTasks(world, [parent], now);
  if (stored!.deduplicated) return stored!;
  try {
    if (children.length === 0) throw new ContactError('FAILED_PRECONDITION', 'tasks[0].broadcast: no client matches');
    const named = children.map((child) => ({ ...child, parentId: parent.id }));
    if (insertTasks(world, named, now).some((outcome) => outcome.deduplicated)) {
      throw new ContactError('ALREADY_EXISTS', 'tasks[0].id: a task has the id of a child');
    }
  } catch (error) {
    world.tasks.clear();
    for (const [id, task] of before) world.tasks.set(id, task);
    if (!(error instanceof ContactError)) throw error;
    throw new ContactError(error.code, error.message.replace(/^tasks\[\d+\]/, 'tasks[0]'), {
      ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    });
  }
  const counts = { children: children.length, succeeded: 0, failed: 0, cancelled: 0, expired: 0 };
  world.tasks.get(parent.id)!.counts = counts;
  for (const { id } of children) world.tasks.get(id)!.countsFor = parent.id;
  return stored!;
}

function createTask(world: World, input: TaskInput, now: number): ModelTask {
  const isReady = input.runAt === null || input.runAt <= now;
  return {
    input: { ...input, payload: Uint8Array.from(input.payload) },
    createdAt: now,
    state: isReady ? 'ready' : 'scheduled',
    seq: isReady ? ++world.seq : 0,
    delivery: 0,
    burnt: 0,
    lost: 0,
    ended: 'none',
    runAt: isReady ? null : input.runAt,
    expiresAt: input.expiresAt,
    session: null,
    claimedAt: null,
    cancelReason: null,
    checkpoint: null,
    countsFor: null,
    counts: null,
    results: [],
  };
}
