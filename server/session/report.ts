import type { RetryAdvice } from '../model/retry.ts';
import type { Delivery, TaskError } from '../model/task.ts';
import type { LogLine } from '../model/tasklog.ts';

export type SucceededReport = Delivery & { readonly result: Uint8Array; readonly contentType: string };
export type FailedReport = Delivery & { readonly error: TaskError; readonly retry: RetryAdvice };

/** What ends deliveries, as a client tells it. Outcomes come in the order of the fields here. */
export interface ResultReport {
  readonly succeeded: readonly SucceededReport[];
  readonly failed: readonly FailedReport[];
  /** Given back: burns an attempt if it had started. */
  readonly released: readonly Delivery[];
  readonly stopped: readonly Delivery[];
  /** Given back, and nothing was done: burns nothing. */
  readonly untouched: readonly Delivery[];
}

export interface ProgressReport extends Delivery {
  /** 0 to 1; negative: unknown. */
  readonly fraction: number;
  readonly message: string;
}

/** A line of a log; `at` null: its worker has not said when it was. */
export type LogReport = Delivery & Omit<LogLine, 'at'> & { readonly at: number | null };

/** One message of a status stream, decoded. */
export interface StatusReport extends ResultReport {
  /** 0: none. */
  readonly receipt: number;
  readonly started: readonly Delivery[];
  readonly progress: readonly ProgressReport[];
  readonly checkpoints: readonly (Delivery & { readonly data: Uint8Array })[];
  readonly logs: readonly LogReport[];
  readonly credit: number | undefined;
  readonly status: string | undefined;
}
