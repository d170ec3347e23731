import type { NewTask, ResultEvent } from '../gen/contact/v1/task_pb.ts';
import { TaskService } from '../gen/contact/v1/task_service_pb.ts';
import { ContactError } from '../shared/errors.ts';
import type { Connection } from './connection.ts';
import { pause } from './pause.ts';
import { createResending } from './resending.ts';
import { callUnary } from './unary.ts';

/** How long `call()` waits for its result. */
export interface CallOptions {
  /** Milliseconds until the call is given up; default 60,000. The task goes on, unless `cancelWhenAbandoned`. */
  readonly deadlineMs?: number;
  /** Gives the call up, which rejects with ContactError CANCELLED. Default: none. */
  readonly signal?: AbortSignal;
  /** Cancels the task when this call is given up, at its deadline or by its signal. Default false. */
  readonly cancelWhenAbandoned?: boolean;
}

const DEADLINE_MS = 60_000;
/** The longest deadline of one RPC; a longer wait is made of several. */
const MAX_CALL_MS = 24 * 60 * 60 * 1_000;
const ABANDON_MS = 1_000;
/** A server that takes no such call says so sooner. */
const TAKEN_MS = 2_000;
/** The connections that a call may go over. */
export interface CallWays {
  /** The stream that tasks are enqueued over, which costs no call of the wire for each; see `Calls.run`. */
  readonly stream: (task: NewTask, signal: AbortSignal, endsAt: number) => Promise<ResultEvent | null>;
  /** For servers that tell no results on streams. */
  readonly connection: Connection;
  /** A connection that no waiting call can fill. */
  readonly quick: Connection;
}

/**
 * Enqueues a task and waits until it is settled. The task has its id from here, so a call that broke is sent again
 * and finds it: a restart of the server costs time, not a second run.
 */
export async function callTask(
  { stream, connection, quick }: CallWays,
  task: NewTask,
  options: CallOptions,
): Promise<ResultEvent> {
  const { clock, logger } = connection;
  const { deadlineMs = DEADLINE_MS, signal, cancelWhenAbandoned = false } = options;
  const endsAt = clock.monotonic() + deadlineMs;
  const overtime = new AbortController();
  const cancelTimeout = clock.after(deadlineMs, () => overtime.abort());
  const ended = signal ? AbortSignal.any([signal, overtime.signal]) : overtime.signal;
  const isWorthResending = createResending(clock);
  try {
    const told = await stream(task, ended, endsAt);
    if (told) return told;
    if (!signal?.aborted && clock.monotonic() >= endsAt) overtime.abort();
    while (!ended.aborted) {
      const link = await connection.open(ended);
      const leftMs = endsAt - clock.monotonic();
      const begunAt = clock.monotonic();
      // Timers may be late.
      if (leftMs <= 0) overtime.abort();
      if (!link || leftMs <= 0) break;
      try {
        // The server would also cancel for a broken connection, which is no giving up: that is left to `abandon`.
        const { result } = await callUnary(
          connection,
          link,
          TaskService.method.callTask,
          { task },
          {
            deadlineMs: Math.min(leftMs, MAX_CALL_MS),
            ...(signal ? { signal } : {}),
          },
        );
        if (result) return result;
        throw new ContactError('INTERNAL', 'the server answered a call without a result');
      } catch (failure) {
        const error = ContactError.from(failure);
        // The deadline of the call and our own are two timers.
        if (error.code === 'DEADLINE_EXCEEDED' && leftMs <= MAX_CALL_MS) overtime.abort();
        if (error.code === 'DEADLINE_EXCEEDED' && !ended.aborted) continue;
        if (ended.aborted) break;
        const wasTaken = clock.monotonic() - begunAt >= TAKEN_MS;
        const isOutdated = connection.isOutdated({ error, advice: null }, link);
        if (!isOutdated && !isWorthResending(error, connection.hasWorked || quick.hasWorked, wasTaken)) throw error;
        const waitMs = error.retryAfterMs ?? link.failed({ error, advice: error.advice ?? null });
        logger.warn(`call ${task.id}: ${error.message}; next try in ${waitMs} ms`);
        if (error.retryAfterMs !== undefined) await pause(clock, error.retryAfterMs, ended);
      }
    }
  } finally {
    cancelTimeout();
    if (cancelWhenAbandoned && ended.aborted) await abandon(quick, task.id);
  }
  throw signal?.aborted || !overtime.signal.aborted
    ? new ContactError('CANCELLED', `call ${task.id} was given up`)
    : overdue(task.id, deadlineMs, quick.trouble ? quick : connection.trouble ? connection : quick);
}

/**
 * The error of a call whose time is over, with what is known of why: the server is out of reach, or nobody has ended
 * the task.
 */
function overdue(id: string, deadlineMs: number, { server, trouble, hasWorked }: Connection): ContactError {
  const why = trouble
    ? `${server} cannot be reached: ${trouble.message}`
    : hasWorked
      ? `${server} answers, so nobody serves its queue, or it waits or runs: see \`contact tasks show ${id}\``
      : `no answer from ${server} yet`;
  const message = `call ${id}: no result in ${deadlineMs} ms: ${why}`;
  return new ContactError('DEADLINE_EXCEEDED', message, trouble ? { cause: trouble } : {});
}

/** Asks once: whoever gives up does not wait for a server that is out of reach. */
async function abandon(connection: Connection, id: string): Promise<void> {
  const request = { ids: [id], reason: 'the caller gave up' };
  try {
    await callUnary(connection, await connection.link(), TaskService.method.cancelTasks, request, {
      deadlineMs: ABANDON_MS,
    });
  } catch (error) {
    connection.logger.warn(`call ${id}: not cancelled: ${ContactError.from(error).message}`);
  }
}
