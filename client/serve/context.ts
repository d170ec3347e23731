import { Metadata } from '@grpc/grpc-js';
import type { Open } from '../../tunnel/frame.ts';
import type { CallContext } from './service.ts';
import { metadataOf } from './status.ts';

const CALLER_KEY = 'contact-caller';
/** What both ends of the call have agreed on, and no metadata of the caller's. */
const OF_GRPC = 'grpc-';

/** The context of a live call. Most handlers look at little of it, so each part is made when it is asked for. */
export class LiveContext implements CallContext {
  readonly sendHeaders: (metadata: Metadata) => void;
  readonly #open: Open;
  /** Wall clock, milliseconds; 0: there is no deadline. */
  readonly #deadlineAt: number;
  #metadata: Metadata | undefined;
  #trailers: Metadata | undefined;
  #aborting: AbortController | undefined;
  #reason: Error | undefined;

  constructor(open: Open, nowMs: number, sendHeaders: (metadata: Metadata) => void) {
    this.#open = open;
    this.#deadlineAt = open.timeoutMs > 0 ? nowMs + open.timeoutMs : 0;
    this.sendHeaders = sendHeaders;
  }

  get metadata(): Metadata {
    this.#metadata ??= metadataOf(
      this.#open.metadata.filter(({ key }) => key !== CALLER_KEY && !key.startsWith(OF_GRPC)),
    );
    return this.#metadata;
  }

  get signal(): AbortSignal {
    if (!this.#aborting) {
      this.#aborting = new AbortController();
      if (this.#reason) this.#aborting.abort(this.#reason);
    }
    return this.#aborting.signal;
  }

  get deadline(): Date | undefined {
    return this.#deadlineAt > 0 ? new Date(this.#deadlineAt) : undefined;
  }

  get caller(): string {
    return String(this.#open.metadata.find(({ key }) => key === CALLER_KEY)?.value ?? '');
  }

  get trailers(): Metadata {
    this.#trailers ??= new Metadata();
    return this.#trailers;
  }

  /** Undefined: the handler has none. */
  get givenTrailers(): Metadata | undefined {
    return this.#trailers;
  }

  abort(reason: Error): void {
    this.#reason = reason;
    this.#aborting?.abort(reason);
  }
}
