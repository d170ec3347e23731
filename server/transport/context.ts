import { Metadata } from '@grpc/grpc-js';
import type { Context } from '../api/context.ts';
import { ANONYMOUS } from '../model/caller.ts';
import type { CallEnds } from './call.ts';

/** What calls of all kinds offer. */
export interface AnyCall {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  readonly destroyed?: boolean;
  readonly writableEnded?: boolean;
  getPeer(): string;
  getDeadline(): Date | number;
  sendMetadata(metadata: Metadata): void;
  on(event: string, listener: () => void): unknown;
}

/** The context of a call, until that has been answered. */
export interface CallContext extends Context {
  /** Somebody looked at the signal, and it was aborted. */
  readonly isAborted: boolean;
  /** The call has been answered, or has ended: nobody is told any more of its end. */
  close(): void;
}

const END_EVENTS = ['cancelled', 'close', 'error', 'finish'] as const;

/** What a handler is given of a call. Its signal is made for those who look at it: most calls are answered before. */
export function openContext(call: AnyCall, ends: Pick<CallEnds, 'onClose' | 'whyGone'>): CallContext {
  let signal: AbortSignal | undefined;
  let takeBack = (): void => undefined;
  const deadlineOf = (): number => Number(call.getDeadline());

  function watch(): AbortSignal {
    const controller = new AbortController();
    const leave = (): void => {
      takeBack();
      controller.abort(ends.whyGone(deadlineOf()));
    };
    takeBack = ends.onClose((error) => controller.abort(error));
    for (const event of END_EVENTS) call.on(event, leave);
    if (call.cancelled || call.destroyed || call.writableEnded) leave();
    return controller.signal;
  }

  return {
    // Whoever reaches the server: it asks nobody who they are.
    caller: ANONYMOUS,
    peer: call.getPeer(),
    get signal() {
      signal ??= watch();
      return signal;
    },
    get isAborted() {
      return signal?.aborted === true;
    },
    get deadlineAt() {
      return deadlineOf();
    },
    header: (name) => call.metadata.get(name)[0]?.toString() || undefined,
    beginAnswer() {
      if (!call.cancelled) call.sendMetadata(new Metadata());
    },
    close: () => takeBack(),
  };
}
