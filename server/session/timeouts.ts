/** How long attempts may take in one session, of tasks whose producers have not said it. */
export interface Timeouts {
  /** Of all queues; 0: without end. */
  readonly ofAll: number;
  /** Of these queues in place of that. */
  readonly byQueue: ReadonlyMap<string, number>;
}

interface Timed {
  readonly queue: string;
  readonly timeoutMs: number;
}

/** A task with the timeout that it has in this session: its own, or else that of its queue, or else that of all. */
export function withTimeout<T extends Timed>(task: T, timeouts: Timeouts | undefined): T {
  if (!timeouts || task.timeoutMs !== 0) return task;
  const timeoutMs = timeouts.byQueue.get(task.queue) ?? timeouts.ofAll;
  return timeoutMs === 0 ? task : { ...task, timeoutMs };
}
