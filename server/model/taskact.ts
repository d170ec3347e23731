/** What somebody did to a task that its results and attempts do not say. */
export interface TaskActRecord {
  readonly kind: 'cancelled' | 'redriven';
  readonly at: number;
  /** Who, as `nameCaller` has it; empty: nobody said. */
  readonly by: string;
  /** Of a cancel; empty: none was given. */
  readonly reason: string;
}

/** Acts that are kept of a task, and shown: the newest. */
export const MAX_TASK_ACTS = 20;
