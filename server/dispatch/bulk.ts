import { EVERY_QUEUE } from '../model/caller.ts';
import type { TaskState } from '../model/task.ts';
import type { TaskFilter, TaskStore } from '../store/tasks.ts';

const PAGE = 500;

/** Tasks that the answer names; the others are only counted. */
const MAX_NAMED = 1_000;

export interface BulkOutcome<T> {
  /** What became of the first MAX_NAMED tasks. */
  readonly items: readonly T[];
  readonly total: number;
  /** The last task that was found, where `max` ended it; null: no more are found. */
  readonly next: string | null;
}

/** Which part of what a filter finds. */
export interface BulkPart {
  /** Only tasks older than this one; null: from the newest on. */
  readonly before: string | null;
  /** At most so many tasks; 0: all. */
  readonly max: number;
}

const ALL: BulkPart = Object.freeze({ before: null, max: 0 });

/**
 * Applies `act` to every task that the filter finds, a page at a time, newest first. Tasks that come while it goes
 * are not met: it walks towards the oldest.
 * @param scope the queues whose tasks are found
 */
export async function actOnFound<T>(
  store: Pick<TaskStore, 'listTasks'>,
  filter: TaskFilter,
  states: readonly TaskState[],
  act: (ids: readonly string[]) => Promise<readonly T[]>,
  scope = EVERY_QUEUE,
  part = ALL,
): Promise<BulkOutcome<T>> {
  const wanted = filter.states?.filter((state) => states.includes(state)) ?? states;
  const items: T[] = [];
  let total = 0;
  let { before } = part;
  let room = part.max || Number.POSITIVE_INFINITY;
  while (wanted.length > 0 && room > 0) {
    const page = await store.listTasks({ ...filter, states: wanted }, before, Math.min(PAGE, room), scope);
    if (page.length === 0) return { items, total, next: null };
    const outcomes = await act(page.map(({ id }) => id));
    total += outcomes.length;
    room -= page.length;
    items.push(...outcomes.slice(0, MAX_NAMED - items.length));
    before = page.at(-1)!.id;
  }
  return { items, total, next: wanted.length > 0 ? before : null };
}
