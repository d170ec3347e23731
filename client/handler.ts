/** How much a line of a log matters. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What a handler is given beside its payload: the task, and how to tell of it before it ends. */
export interface TaskContext {
  /** UUIDv7 in lower case; the same in every attempt, so good for making a handler idempotent. */
  readonly taskId: string;
  /** The queue that the task waited in. */
  readonly queue: string;
  /** Which attempt this is; from 1 to `maxAttempts`. */
  readonly attempt: number;
  /** 1 to 1000. A failure of the last attempt is final. */
  readonly maxAttempts: number;
  /** Which claim of the task this is; with the task id, a name for this run of it. */
  readonly delivery: number;
  /** The pairs that the producer gave with the task. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The media type of the payload. */
  readonly contentType: string;
  /**
   * Aborted when the task is cancelled, timed out or taken away, and when the worker stops; its reason is a
   * ContactError CANCELLED that says which. What a handler throws after that is no failure of the task, except while
   * the worker stops: then a TaskFailure is, and at the last attempt any error.
   */
  readonly signal: AbortSignal;
  /** The bytes that an earlier attempt saved last; null: none did. */
  readonly checkpoint: Uint8Array | null;
  /**
   * Tells watchers how far the task is: `fraction` from 0 to 1, negative for unknown; `message` is cut at 1 KiB. The
   * newest call counts and is sent at most four times a second (`progressIntervalMs`), so call it as often as you like;
   * what is told while the server is out of reach is sent when it is back.
   * @throws ContactError INVALID_ARGUMENT for a fraction that is no number or a message that is no string
   * @example
   * for (const [at, row] of rows.entries()) context.progress(at / rows.length, row.name);
   */
  progress(fraction: number, message?: string): void;
  /**
   * Keeps a line with this attempt: `contact tasks show` and `tasks watch` have it, and whoever else may see the task, as long as
   * it is kept. Of an attempt the newest 100 are kept, and of a task the newest 1,000; how many lines are missing is shown. Lines
   * travel together, four times a second at most (`progressIntervalMs`) and with the result; while the server is out of reach they
   * wait here, the newest 100 of each task and 4 MiB in all, and not over an end of this process.
   * @param text at most 1 KiB, line feeds included: the rest is cut, and `…` stands in its place; credentials of contact, JWTs and
   *   private keys in it are hidden by the server
   * @param level default `info`
   * @throws ContactError INVALID_ARGUMENT for a text that is no string, or for another level
   * @example
   * context.log(`${rows.length} rows read`);
   * context.log('no rate for CHF, yesterday’s is used', 'warn');
   */
  log(text: string, level?: LogLevel): void;
  /**
   * Hands bytes to the next attempt, if there is one. The newest call counts.
   * @param bytes at most 64 KiB, or the server's limit; they are copied
   * @throws ContactError INVALID_ARGUMENT for more, or for what is no Uint8Array
   * @example
   * const done = context.checkpoint ? JSON.parse(Buffer.from(context.checkpoint).toString()) : 0;
   * for (const [at, row] of rows.entries()) if (at >= done) context.saveCheckpoint(Buffer.from(JSON.stringify(at + 1)));
   */
  saveCheckpoint(bytes: Uint8Array): void;
}

/**
 * Does one task, at least once: it should be idempotent. What it returns is the result. What it throws is a failure: TaskFailure says whether to retry,
 * TaskRelease gives the task back untouched, any other error fails this attempt by the task's policy.
 * @example
 * const mail: Handler<{ to: string }, void> = async ({ to }, { signal, attempt }) => {
 *   const answer = await fetch(`http://127.0.0.1:8025/send?to=${to}`, { method: 'POST', signal });
 *   if (answer.status === 404) throw new TaskFailure(`nobody is ${to}`, { code: 'UNKNOWN', retry: 'never' });
 *   if (!answer.ok) throw new Error(`HTTP ${answer.status} at attempt ${attempt}`);
 * };
 */
export type Handler<P, R> = (payload: P, context: TaskContext) => R | PromiseLike<R>;
