import * as check from '../check.ts';
import type { Handler } from '../handler.ts';
import type { Middleware } from './middleware.ts';

/** The handler of one queue, for `createWorker({ tasks })`: what `handle()` of a defined task makes. JSON in and out. */
export interface TaskHandler {
  /** The queue whose tasks it runs; no other handler of the worker has it. */
  readonly queue: string;
  /** Runs one task: what it answers is the result, what it throws is the failure. */
  readonly handler: Handler<never, unknown>;
  /**
   * How many tasks of this queue run at once; 1 to 10,000. Default: the worker's `concurrency`, or 1 where that is not given.
   * What comes beyond that waits in this worker, within its `concurrency` and `prefetch`: while a long backlog of this queue
   * fills those, other queues of the worker get nothing. A queue that must not wait for another is for a worker of its own.
   */
  readonly concurrency?: number;
  /**
   * Milliseconds that an attempt may take here of a task of this queue whose producer gave it no `timeoutMs`; 0: as long as it
   * takes. Default: the worker's `timeoutMs`.
   */
  readonly timeoutMs?: number;
  /** What runs around this handler, within the worker's `use`, the first around all others; at most 100. */
  readonly use?: readonly Middleware[];
}

/** What may be said of one queue of a worker. */
export type HandleOptions = Pick<TaskHandler, 'concurrency' | 'timeoutMs' | 'use'>;

export const MAX_CREDIT = 10_000;
export const HANDLE_RULES = Object.freeze({
  concurrency: check.integer(1, MAX_CREDIT),
  timeoutMs: check.uint32,
  use: check.listOf(check.method),
} satisfies Record<keyof HandleOptions, check.Check>);
const HANDLER_RULES = {
  queue: check.name,
  handler: check.method,
  ...HANDLE_RULES,
} satisfies Record<keyof TaskHandler, check.Check>;
const handlerShape = check.shape(HANDLER_RULES);

/** The rule of one of `tasks`. */
export const isHandler: check.Check = (value) => {
  const wrong = handlerShape(value);
  if (wrong !== null) return wrong === 'an object' ? 'what handle() of a defined task answers' : wrong;
  const { queue, handler } = value as Partial<TaskHandler>;
  return queue === undefined || handler === undefined ? 'queue and handler to be given' : null;
};
