import { Metadata } from '@grpc/grpc-js';
import type { Context } from '../api/context.ts';
import type { Caller } from '../model/caller.ts';
import type { CallEnds } from './call.ts';
import { callerOf } from './callers.ts';

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

const END_EVENTS = ['cancelled', 'close', 'error', 'finish'] as const;

/**
 * What a handler is given of a call, until that has been answered. Nothing of it is made before somebody looks at it:
 * most calls are answered at once, and asking a connection for its peer costs more than the rest.
 */
export class CallContext implements Context {
  readonly #call: AnyCall;
  readonly #ends: Pick<CallEnds, 'onClose' | 'whyGone'>;
  #signal: AbortSignal | undefined;
  #takeBack: (() => void) | undefined;

  constructor(call: AnyCall, ends: Pick<CallEnds, 'onClose' | 'whyGone'>) {
    this.#call = call;
    this.#ends = ends;
  }

  get caller(): Caller {
    return callerOf(this.#call);
  }

  get peer(): string {
    return this.#call.getPeer();
  }

  get deadlineAt(): number {
    return Number(this.#call.getDeadline());
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#watch();
    return this.#signal;
  }

  /** Whether somebody looked at the signal, and it was aborted. */
  get isAborted(): boolean {
    return this.#signal?.aborted === true;
  }

  header(name: string): string | undefined {
    return this.#call.metadata.get(name)[0]?.toString() || undefined;
  }

  beginAnswer(): void {
    if (!this.#call.cancelled) this.#call.sendMetadata(new Metadata());
  }

  /** The call has been answered, or has ended: nobody is told any more of its end. */
  close(): void {
    this.#takeBack?.();
  }

  #watch(): AbortSignal {
    const call = this.#call;
    const controller = new AbortController();
    const leave = (): void => {
      this.close();
      controller.abort(this.#ends.whyGone(this.deadlineAt));
    };
    this.#takeBack = this.#ends.onClose((error) => controller.abort(error));
    for (const event of END_EVENTS) call.on(event, leave);
    if (call.cancelled || call.destroyed || call.writableEnded) leave();
    return controller.signal;
  }
}
