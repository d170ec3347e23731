import { UNTIL_OPEN } from '../../server/model/broadcast.ts';
import type { TaskInput } from '../../server/model/task.ts';
import type { InsertOutcome } from '../../server/store/tasks.ts';
import { ContactError } from '../../shared/errors.ts';
import type { World } from './rules.ts';
import { isSameContent, type ModelTask } from './task.ts';

export function insertTasks(world: World, inputs: readonly TaskInput[], now: number): readonly InsertOutcome[] {
  const known = new Map([...world.tasks].map(([id, task]) => [id, task.input]));
  const fresh: TaskInput[] = [];
  const outcomes = inputs.map((input, i) => {
    const byKey = [...known.values()].find(
      (t) =>
        t.idempotencyKey !== null &&
        t.idempotencyKey === input.idempotencyKey &&
        t.queue === input.queue &&
        !hasLostKey(world, t.id),
    );
    const stored = known.get(input.id) ?? byKey;
    if (!stored) {
      const { maxWaiting = 0 } = world.settings.get(input.queue) ?? {};
      const waiting = countWaiting(world, input.queue) + fresh.filter((t) => t.queue === input.queue).length;
      if (maxWaiting > 0 && waiting >= maxWaiting) {
        throw new ContactError('RESOURCE_EXHAUSTED', `tasks[${i}].queue: full`, { retryAfterMs: 1_000 });
      }
      const { createdBy } = input;
      const theirs = countOf(world, createdBy) + fresh.filter((t) => t.createdBy === createdBy).length;
      if (createdBy !== '' && theirs >= world.maxWaitingPerPrincipal) {
        throw new ContactError('RESOURCE_EXHAUSTED', 'too many wait', { field: 'tasks', retryAfterMs: 1_000 });
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

/** Whoever was cancelled or expired will never run, and keeps no other task from running under its key. */
function hasLostKey(world: World, id: string): boolean {
  const state = world.tasks.get(id)?.state;
  return state === 'cancelled' || state === 'expired';
}

function countWaiting(world: World, queue: string): number {
  return waitingOf(world).filter(({ input }) => input.queue === queue).length;
}

function countOf(world: World, createdBy: string): number {
  return waitingOf(world).filter(({ input }) => input.createdBy === createdBy).length;
}

function waitingOf({ tasks }: World): ModelTask[] {
  return [...tasks.values()].filter(({ state }) => state === 'ready' || state === 'scheduled');
}

function createTask(world: World, input: TaskInput, now: number): ModelTask {
  const isReady = input.runAt === null || input.runAt <= now;
  return {
    input: { ...input, payload: Uint8Array.from(input.payload) },
    createdAt: now,
    wasReady: isReady,
    state: isReady ? 'ready' : 'scheduled',
    seq: isReady ? ++world.seq : 0,
    delivery: 0,
    burnt: 0,
    lost: 0,
    ended: 'none',
    lastError: null,
    owner: null,
    runAt: isReady || input.runAt === UNTIL_OPEN ? null : input.runAt,
    expiresAt: input.expiresAt,
    session: null,
    claimedAt: null,
    cancelReason: null,
    checkpoint: null,
    countsFor: null,
    audience: null,
    counts: null,
    phase: 'open',
    filledBy: null,
    childRunAt: null,
    attempts: [],
    acts: [],
    log: [],
    results: [],
  };
}
