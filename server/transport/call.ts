import type { sendUnaryData } from '@grpc/grpc-js';
import { ChurnMap, ChurnSet } from '../../shared/churn.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import { toStatus } from '../../shared/status.ts';
import { whyGone } from '../api/context.ts';
import { closing } from '../session/closing.ts';
import type { Patience } from '../session/liveness.ts';
import { type AnsweringCall, dropStream, isOver, resetStream } from './answering.ts';
import { streamOf } from './internals.ts';
import { lookAtLine } from './line.ts';
import { createOutflow, type Outflow } from './outflow.ts';
import { REFUSED } from './refusal.ts';
import type { Sockets } from './sockets.ts';
import { createUnread } from './unread.ts';

/** Looks at a silent connection before it is closed, in `stuckSocketMs`. */
const LOOKS = 4;
/** A peer that sends and leaves the PING unanswered is not asked for ever. */
const MOST_LOOKS = 16;

const TOO_MUCH = 'unread answers of all streams take more than the server has';
const SLOW_READER = { reason: 'SLOW_READER', retry: 'backoff' } as const;

/** How calls end: one exit for errors, and none that a stuck reader can block. */
export interface CallEnds {
  /** Answers a call that has one response with what `work` comes to; `onDone` is called before. */
  answer<O>(
    call: Pick<AnsweringCall<O>, 'getPath'>,
    callback: sendUnaryData<O>,
    work: () => Promise<O>,
    onDone: () => void,
  ): void;
  /** Why a call ended before it was answered, by its deadline (wall clock, milliseconds). */
  whyGone(deadlineAt: number): ContactError;
  /**
   * Remembers a stream, so that `closeAll` ends it.
   * @param onRefused instead of `end`: a request that it was sent cannot be taken
   */
  open<T>(call: AnsweringCall<T>, peer: string, onRefused?: (error: unknown) => void): void;
  /** Ends what is open; resolves when every status has left, or its reader is known to be stuck. */
  closeAll(error: ContactError): Promise<void>;
  /** Calls `listener` when `closeAll` is called; for calls that wait and have no stream. */
  onClose(listener: (error: ContactError) => void): () => void;
  /** Ends a stream with a status; a reader that does not let it go in time has it reset. */
  end<T>(call: AnsweringCall<T>, peer: string, error: unknown): void;
  /**
   * What is written to a reader that may be slow; one that takes nothing for too long is ended.
   * @param onStuck instead of `end`
   */
  outflow<T>(call: AnsweringCall<T>, peer: string, onStuck?: (error: ContactError) => void): Outflow<T>;
}

export interface CallEndsOptions {
  readonly sockets: () => Sockets;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly patience: Patience;
  readonly stuckSocketMs: number;
  /** Bytes written to all readers of streams and not taken by them. */
  readonly heldBudgetBytes: number;
}

export function createCallEnds(options: CallEndsOptions): CallEnds {
  const { sockets, clock, logger, patience, stuckSocketMs, heldBudgetBytes } = options;
  const unread = createUnread({ budgetBytes: heldBudgetBytes, monotonic: clock.monotonic, logger });

  /** The status of an error. What is not for its client stands in the log, with the method that it came from. */
  function explain(call: Pick<AnsweringCall<never>, 'getPath'>, error: unknown): ReturnType<typeof toStatus> {
    const known = ContactError.from(error);
    // What has its mark was said of another stream already, and is no failure of ours.
    if (known.code === 'INTERNAL' && !known.isMarked) {
      logger.error({ err: known.cause ?? known, method: call.getPath() }, 'a call failed');
    }
    return toStatus(known);
  }

  function end<T>(call: AnsweringCall<T>, peer: string, error: unknown): void {
    if (isOver(call)) return;
    const takeBack = clock.after(stuckSocketMs, () => void reset(call, peer));
    // The reset is taken back when all that was written has left, or the client has gone by itself.
    call.on('finish', takeBack);
    call.on('cancelled', takeBack);
    call.emit('error', explain(call, error));
  }

  /**
   * Resets the stream; closes the socket, and with it all else that it carries, only if its peer gives no sign of life.
   * Looks are counted, not timed: after a pause of the process the sign lies unread when the first of them is due.
   */
  async function reset<T>(call: AnsweringCall<T>, peer: string): Promise<void> {
    const signs = resetStream(call);
    if (!signs) return;
    logger.warn({ peer }, 'a reader did not let its stream go: it is reset');
    let read = signs.countRead();
    let looks = 0;
    let quietLooks = 0;

    const destroy = (): void => {
      logger.warn({ peer }, 'a connection with a stuck stream does not answer: its socket is closed');
      sockets().destroy(peer);
    };
    const look = (): void => {
      const readBefore = read;
      read = signs.countRead();
      looks += 1;
      quietLooks = read === readBefore ? quietLooks + 1 : 0;
      if (quietLooks >= LOOKS || looks >= MOST_LOOKS) destroy();
      else takeBack = clock.after(stuckSocketMs / LOOKS, look);
    };
    let takeBack = clock.after(stuckSocketMs / LOOKS, look);
    const isAlive = await signs.answered;
    takeBack();
    if (!isAlive) destroy();
  }

  function answer<O>(
    call: Pick<AnsweringCall<O>, 'getPath'>,
    callback: sendUnaryData<O>,
    work: () => Promise<O>,
    onDone: () => void,
  ): void {
    // `work` may throw before its first await.
    Promise.resolve()
      .then(work)
      .then(
        (response) => {
          onDone();
          callback(null, response);
        },
        (error: unknown) => {
          onDone();
          callback(explain(call, error));
        },
      );
  }

  // One entry for each open stream, which is the bound.
  const peerByCall = new ChurnMap<AnsweringCall<never>, string>();
  let onEmpty: (() => void) | undefined;
  // One listener for each call that waits, which is the bound.
  const closeListeners = new ChurnSet<(error: ContactError) => void>();

  return {
    open(call, peer, onRefused = (error) => end(call, peer, error)) {
      const key = call as AnsweringCall<never>;
      const forget = (): void => {
        peerByCall.delete(key);
        if (peerByCall.size === 0) onEmpty?.();
      };
      peerByCall.set(key, peer);
      call.on('finish', forget);
      call.on('cancelled', forget);
      call.on(REFUSED, onRefused);
    },
    onClose(listener) {
      closeListeners.add(listener);
      return () => closeListeners.delete(listener);
    },
    async closeAll(error) {
      for (const listener of closeListeners) listener(error);
      for (const [call, peer] of peerByCall) end(call, peer, error);
      if (peerByCall.size === 0) return;
      await new Promise<void>((resolve) => {
        onEmpty = resolve;
        clock.after(stuckSocketMs, resolve);
      });
      // The statuses are with http2 now; after one more turn they are with the socket, before the GOAWAY.
      await new Promise((resolve) => setImmediate(resolve));
    },
    answer,
    whyGone: (deadlineAt) => whyGone(deadlineAt, clock.now()),
    end,

    outflow: (call, peer, onStuck = (error) => end(call, peer, error)) =>
      createOutflow({
        call,
        isOver: () => isOver(call),
        clock,
        patience,
        line: () => lookAtLine(streamOf(call)),
        onStuck() {
          // The call was ended already, and its status waits behind what is not read.
          if (call.writableEnded) void reset(call, peer);
          else onStuck(closing('SLOW_READER', 'backoff', 'nothing was read for three ping intervals'));
        },
        unread,
        onDrop() {
          // The error is for those who have another stream to send it on; on this one it would wait behind what has to
          // go.
          onStuck(new ContactError('RESOURCE_EXHAUSTED', TOO_MUCH, { advice: SLOW_READER }));
          dropStream(call);
        },
      }),
  };
}
