import { status } from '@grpc/grpc-js';
import { newSessionId } from '../../shared/ids.ts';
import { pause } from '../pause.ts';
import { createResending } from '../resending.ts';
import { attempt, explainEnd, type Plan } from './attempt.ts';
import { CallError, endHere, notConnected } from './error.ts';
import { oneRequest } from './requests.ts';

const TASK_KEY = 'contact-task';
/** The timers of a call and of its connection differ by less. */
const PIECE_MS = 1_000;
/** What waits for a task says nothing. */
const NOTHING = Buffer.alloc(0);

export interface DurableOptions extends Plan {
  /** The request of a new call, which is stored; or the id of a task that is waited for. */
  readonly call: { readonly message: Buffer; readonly isDetached: boolean } | { readonly taskId: string };
}

/** The task of a durable call, and the bytes of its answer; none of one that was only stored. */
export interface DurableAnswer {
  readonly taskId: string;
  readonly bytes: Buffer;
}

/**
 * Stores a call and waits for its answer, or waits for the answer of one that was stored. A connection that breaks costs time
 * alone: until the id of its task is known the call has a key, so that it is stored once; from then on it is waited for by
 * that id.
 */
export async function callDurable(options: DurableOptions): Promise<DurableAnswer> {
  const { connection, wanted, life, path, call } = options;
  const { clock, logger } = connection;
  const isWorthResending = createResending(clock);
  const key = wanted.key ?? newSessionId();
  let taskId = 'taskId' in call ? call.taskId : undefined;
  const isDetached = 'message' in call && call.isDetached;
  let isUnsent = true;

  /** What the server is told of the call; a task that it has needs no more than its id. */
  function entries(): Record<string, string> {
    const durable = { 'contact-mode': 'durable' };
    if (taskId !== undefined) return { ...durable, [TASK_KEY]: taskId };
    const { clientId, selector } = wanted;
    return {
      ...durable,
      'contact-key': key,
      ...(clientId === undefined ? {} : { 'contact-client': clientId }),
      ...(selector === undefined ? {} : { 'contact-selector': selector }),
      ...(isDetached ? { 'contact-detach': '1' } : {}),
    };
  }

  for (;;) {
    const link = life.end ? null : await connection.open(life.signal).catch(refuse);
    if (!link || life.end) {
      const end = life.end ?? endHere('CANCELLED', 'the caller was closed');
      throw new CallError(explainEnd(end, connection), { isUnsent, taskId });
    }
    let wasTaken = false;
    const requests = oneRequest('message' in call && taskId === undefined ? call.message : NOTHING);
    const trying = attempt(options, {
      link,
      requests,
      entries: entries(),
      onHeaders(headers) {
        const [told] = headers.get(TASK_KEY);
        wasTaken = told !== undefined;
        if (taskId !== undefined || told === undefined) return;
        taskId = String(told);
        wanted.onTask?.(taskId);
      },
    });
    let bytes: Buffer | undefined;
    let step = await trying.next();
    for (; !step.done; step = await trying.next()) bytes = step.value;
    isUnsent &&= !link.hasConnected;
    const end = step.value;
    if (isDetached && taskId !== undefined) return { taskId, bytes: NOTHING };
    if (end.code === status.OK && bytes && taskId !== undefined) return { taskId, bytes };
    const failed = end.code === status.OK ? endHere('INTERNAL', 'the server has answered without a task') : end;
    const error = new CallError(life.end ? explainEnd(failed, connection) : failed, { isUnsent, taskId });
    // Its task has ended so, or this call has.
    if (error.taskState || life.end) throw error;
    // The longest that one call of gRPC may take is over.
    if (error.code === 'DEADLINE_EXCEEDED' && (life.leftMs() ?? PIECE_MS) >= PIECE_MS) continue;
    const isOutdated = connection.isOutdated({ error, advice: null }, link);
    if (!isOutdated && !isWorthResending(error, connection.hasWorked, wasTaken)) throw error;
    const waitMs = error.retryAfterMs ?? link.failed({ error, advice: error.advice ?? null });
    logger.warn(`call ${path}: ${error.message}; next try in ${waitMs} ms`);
    if (error.retryAfterMs !== undefined) await pause(clock, waitMs, life.signal);
  }
}

function refuse(failure: unknown): never {
  throw notConnected(failure);
}
