import { describeMessage, findTracing, SPAN_KIND } from '../../shared/tracing.ts';
import type { ClaimedTask } from '../model/task.ts';
import type { ClaimsOptions } from './claims.ts';

/**
 * The same, with two spans for each task that carries a trace: `claim`, from when tasks are claimed until that is on disk, and
 * `push`, from then until the task is written to its worker, which goes on from there. Without tracing: as given.
 */
export function traceClaims(options: ClaimsOptions): ClaimsOptions {
  const tracing = findTracing();
  if (!tracing) return options;
  const { store, clock, push } = options;
  /** When the task was claimed; of those that are on their way to their push alone. */
  const claimedAt = new WeakMap<ClaimedTask, number>();
  const pushed = (task: ClaimedTask, clientId: string): { readonly task: ClaimedTask; end(): void } => {
    const at = claimedAt.get(task);
    if (at === undefined) return { task, end: () => undefined };
    const { queue, id, delivery } = task;
    const attributes = {
      ...describeMessage('deliver', queue, id),
      'contact.delivery': delivery,
      'contact.client_id': clientId,
    };
    const kind = SPAN_KIND.internal;
    const claim = tracing.start({ name: `claim ${queue}`, kind, attributes, parent: task.metadata, startTime: at });
    const metadata = { ...task.metadata };
    claim.inject(metadata);
    claim.end();
    const push = tracing.start({ name: `push ${queue}`, kind, attributes, parent: metadata });
    push.inject(metadata);
    return { task: { ...task, metadata }, end: () => push.end() };
  };
  return {
    ...options,
    store: {
      claimTasks(plan, now, onClaimed) {
        const at = clock.now();
        return store.claimTasks(plan, now, (outcomes) => {
          for (const { tasks } of outcomes)
            for (const task of tasks) if (task.metadata.traceparent !== undefined) claimedAt.set(task, at);
          onClaimed?.(outcomes);
        });
      },
    },
    push(grant) {
      const { receiver, outcome } = grant;
      const sent = outcome.tasks.map((task) => pushed(task, receiver.clientId));
      push({ ...grant, outcome: { ...outcome, tasks: sent.map(({ task }) => task) } });
      for (const { end } of sent) end();
    },
  };
}
