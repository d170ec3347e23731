/** What a client does over such a stream. */
export interface StreamView {
  readonly clientId: string;
  readonly isNamed: boolean;
  readonly isDraining: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly peer: string;
  /** Wall clock, milliseconds since 1970. */
  readonly connectedAt: number;
  /** What it is called for. */
  readonly services: readonly string[];
  readonly callCount: number;
  readonly maxCalls: number;
  /** Calls that run, of those services that have any. */
  callsByService(): Readonly<Record<string, number>>;
  /** What it is called for, by name, with the calls that run. */
  methods(): readonly { readonly method: string; readonly callCount: number }[];
}

/**
 * Streams that clients have beside their sessions, such as those over which they are called. What operators order of a
 * client holds for them too.
 */
export interface ClientStreams {
  /** The principal whose it is; undefined: this client has none. */
  subjectOf(clientId: string): string | undefined;
  describe(clientId: string): StreamView | null;
  /** Of the clients that have one. */
  views(): Iterable<StreamView>;
  /** Nothing new for it until it is set back, also when it comes again. */
  drain(clientId: string, isDrained: boolean): void;
  /** Ends those of a client once; it may come again. Answers how many they were. */
  disconnect(clientId: string): number;
}

export const NO_STREAMS: ClientStreams = {
  subjectOf: () => undefined,
  describe: () => null,
  views: () => [],
  drain: () => undefined,
  disconnect: () => 0,
};
