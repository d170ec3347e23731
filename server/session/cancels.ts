import { actOnFound } from '../dispatch/bulk.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import { isSettled } from '../model/states.ts';
import type { CancelOutcome } from '../store/store.ts';
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
    const outcomes: CancelOutcome[] = [];
    for (const outcome of await queue.cancel(ids, reason)) {
      outcomes.push(outcome.kind === 'children' ? await cancelChildren(outcome.id, reason) : outcome);
      if (outcome.kind !== 'requested') continue;
      const entry = holders.find({ taskId: outcome.id, delivery: outcome.delivery });
      if (entry) attempts.cancel(entry.session, entry.held, outcome.reason);
    }
    return outcomes;
  }

  /** A broadcast ends with its last child. */
  async function cancelChildren(parentId: string, reason: string): Promise<CancelOutcome> {
    await actOnFound(queue.store, { parentId }, ['ready', 'scheduled', 'running'], (ids) => cancel(ids, reason));
    const state = (await queue.store.describeTask(parentId))?.state;
    const outcome = { id: parentId, kind: 'children' } as const;
    return state && isSettled(state) ? { ...outcome, state } : outcome;
  }

  return cancel;
}
