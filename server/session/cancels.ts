import { actOnFound } from '../dispatch/bulk.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import type { Attempts } from './attempts.ts';
import type { Holders } from './holders.ts';

export interface CancelOptions {
  readonly queue: TaskQueue;
  readonly holders: Holders;
  readonly attempts: Attempts;
}

/** Cancels in the store, tells the workers that run what it was asked of, and goes on to the children of broadcasts. */
export function createCancel({ queue, holders, attempts }: CancelOptions): TaskQueue['cancel'] {
  async function cancel(ids: readonly string[], reason: string): ReturnType<TaskQueue['cancel']> {
    const outcomes = await queue.cancel(ids, reason);
    for (const outcome of outcomes) {
      if (outcome.kind === 'children') await cancelChildren(outcome.id, reason);
      if (outcome.kind !== 'requested') continue;
      const entry = holders.find({ taskId: outcome.id, delivery: outcome.delivery });
      if (entry) attempts.cancel(entry.session, entry.held, outcome.reason);
    }
    return outcomes;
  }

  /** A broadcast ends with its last child. */
  async function cancelChildren(parentId: string, reason: string): Promise<void> {
    await actOnFound(queue.store, { parentId }, ['ready', 'scheduled', 'running'], (ids) => cancel(ids, reason));
  }

  return cancel;
}
