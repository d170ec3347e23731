import { actOnFound, type BulkAct } from './api.ts';
import type { TaskCounts, TaskFilter } from './shapes.ts';

/** What can be done to all tasks that a filter finds: to those in these states alone. */
export interface BulkKind {
  readonly act: BulkAct;
  readonly verb: string;
  readonly done: string;
  readonly states: readonly string[];
  readonly isGrave: boolean;
  readonly text: string;
}

export const BULK: readonly BulkKind[] = [
  {
    act: 'retry',
    verb: 'Run again',
    done: 'ready again',
    states: ['failed'],
    isGrave: false,
    text: 'They are ready again, with all their attempts before them.',
  },
  {
    act: 'cancel',
    verb: 'Cancel',
    done: 'cancelled, or asked to stop',
    states: ['scheduled', 'ready', 'running'],
    isGrave: true,
    text: 'Those that wait are cancelled at once; the workers of those that run are asked to stop.',
  },
  {
    act: 'delete',
    verb: 'Delete',
    done: 'deleted',
    states: ['succeeded', 'failed', 'cancelled', 'expired'],
    isGrave: true,
    text: 'They are forgotten with their results, for good.',
  },
];

/** Tasks of one step, so that a long act can be seen to go on, and be ended. */
const STEP = 1_000;

/** The filter of those among the tasks of `filter` that the act can be done to; undefined: there are none. */
export function narrowFilter(filter: TaskFilter, { states }: BulkKind): TaskFilter | undefined {
  const wanted = filter.states?.length ? states.filter((state) => filter.states!.includes(state)) : states;
  return wanted.length === 0 ? undefined : { ...filter, states: wanted };
}

/** How many tasks of a count the act would be done to. */
export function countOf(counts: TaskCounts, filter: TaskFilter): number {
  const byState: Readonly<Record<string, unknown>> = counts;
  return (filter.states ?? []).reduce((sum, state) => sum + Number(byState[state] ?? 0), 0);
}

/** Does it in steps; tells after each how many were done. Ends after the step under way when the signal says so. */
export async function actInSteps(
  act: BulkAct,
  filter: TaskFilter,
  ended: AbortSignal,
  onStep: (total: number) => void,
): Promise<number> {
  let total = 0;
  let page: string | undefined;
  do {
    const done = await actOnFound(act, filter, STEP, page);
    total += done.total;
    page = done.nextPage;
    onStep(total);
  } while (page && !ended.aborted);
  return total;
}
