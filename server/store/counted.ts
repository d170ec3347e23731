import type { SettledRecord, SettledState } from '../model/task.ts';
import type { ClaimOutcome } from './deliveries.ts';
import type { Request } from './request.ts';
import { settledBy } from './signals.ts';
import type { InsertOutcome } from './tasks.ts';

/** Hears what commits have done to tasks, one task at a time, to count it. Nothing of it may throw. */
export interface TaskCounter {
  /** A task was stored. */
  enqueued(queue: string): void;
  /** A task was sent again, or its idempotency key was there already: nothing was stored. */
  deduplicated?(): void;
  /**
   * A task was taken for a session.
   * @param waitMs since it was stored; null: it had to wait for an instant, or this is no first delivery
   */
  claimed(queue: string, waitMs: number | null): void;
  /**
   * A task came to an end.
   * @param runMs since it was taken for the session that succeeded or failed it; null: it came to another end
   */
  settled(queue: string, state: SettledState, runMs: number | null): void;
}

/**
 * Tells a counter what one request has done to tasks, by its answer: whoever counts tasks counts them by this.
 * @param now the wall clock
 */
export function countTasks(request: Request, answer: unknown, counter: TaskCounter, now: () => number): void {
  for (const record of settledBy(request, answer)) countSettled(record, counter);
  switch (request.kind) {
    case 'insert':
      countInserts(request.tasks, answer as readonly InsertOutcome[], counter);
      break;
    case 'insertBroadcast':
      if ((answer as InsertOutcome).deduplicated) counter.deduplicated?.();
      else for (const { queue } of [request.parent, ...request.children]) counter.enqueued(queue);
      break;
    case 'extendBroadcast':
      for (const { queue } of request.children) counter.enqueued(queue);
      break;
    case 'claim':
      countClaims(answer as readonly ClaimOutcome[], counter, now());
  }
}

function countInserts(
  tasks: readonly { readonly queue: string }[],
  outcomes: readonly InsertOutcome[],
  counter: TaskCounter,
): void {
  tasks.forEach(({ queue }, at) => {
    if (outcomes[at]?.deduplicated) counter.deduplicated?.();
    else counter.enqueued(queue);
  });
}

function countClaims(outcomes: readonly ClaimOutcome[], counter: TaskCounter, now: number): void {
  for (const { tasks } of outcomes) {
    for (const { queue, readyAt } of tasks) {
      counter.claimed(queue, readyAt === null ? null : Math.max(0, now - readyAt));
    }
  }
}

function countSettled({ queue, state, claimedAt, settledAt }: SettledRecord, counter: TaskCounter): void {
  // How long a task ran is of interest if somebody has brought it to an end.
  const isRun = claimedAt !== null && (state === 'succeeded' || state === 'failed');
  counter.settled(queue, state, isRun ? Math.max(0, settledAt - claimedAt) : null);
}
