/**
 * What speaks over a connection: a session of HTTP/2, or HTTP/1. As much of it as deciding who is let in, and who has to
 * go, takes.
 */
export interface CarrierSession {
  readonly destroyed: boolean;
  readonly socket: { readonly remoteAddress?: string | undefined; readonly remotePort?: number | undefined };
  /** Tells the client to go; HTTP/1 has no words for that. */
  goaway(code: number, lastStreamId: number, words: Buffer): void;
  /** Takes no further call; what is under way goes on to its end. */
  close(): void;
  destroy(): void;
}

/** What carries one call: a stream of HTTP/2, or a request of HTTP/1 with its answer. */
export interface Carrier {
  /** Undefined: its connection is over. */
  readonly session: CarrierSession | undefined;
  readonly destroyed: boolean;
  readonly closed: boolean;
  on(event: 'error', listener: () => void): unknown;
  once(event: 'close', listener: () => void): unknown;
  /** Ends it without an answer, with a code of HTTP/2. */
  close(code: number): void;
}
