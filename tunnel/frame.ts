/** A pair of a call's metadata; the value of a key that ends in `-bin` is bytes, others are printable ASCII. */
export interface Pair {
  readonly key: string;
  readonly value: string | Buffer;
}

export interface Open {
  /** `pkg.Service/Method` */
  readonly method: string;
  readonly metadata: readonly Pair[];
  /** 0: no deadline. */
  readonly timeoutMs: number;
}

export interface End {
  /** The code of the status, as gRPC numbers it: 0 to 16. */
  readonly code: number;
  readonly message: string;
  /** The bytes of a `google.rpc.Status`; empty: none. */
  readonly statusDetails: Buffer;
  readonly trailers: readonly Pair[];
}

/** What one end of a tunnel says about one call at a time; proto/contact/v1/reverse.proto has the rules. */
export interface Frame {
  call: number;
  open: Open | undefined;
  headers: readonly Pair[] | undefined;
  /** The bytes of the whole message, with the first of several chunks; else 0. */
  size: number;
  data: Buffer | undefined;
  /** The message goes on. */
  more: boolean;
  compressed: boolean;
  halfClose: boolean;
  end: End | undefined;
  /** Bytes that the other end may send in addition. */
  window: number;
  cancel: boolean;
}

/** One shape for all frames, so that the code that reads them stays fast. */
export function createFrame(call: number): Frame {
  return {
    call,
    open: undefined,
    headers: undefined,
    size: 0,
    data: undefined,
    more: false,
    compressed: false,
    halfClose: false,
    end: undefined,
    window: 0,
    cancel: false,
  };
}

export const NO_DETAILS: Buffer = Buffer.alloc(0);

/** An end without details or trailers. */
export function plainEnd(code: number, message: string, trailers: readonly Pair[] = []): End {
  return { code, message, statusDetails: NO_DETAILS, trailers };
}

/** The most bytes of one chunk. */
export const MAX_CHUNK_BYTES = 16_384;
/** What a message costs beside its bytes: it keeps empty messages from being free. */
export const MESSAGE_COST = 32;
/** The frames of one message of the stream are about so many bytes. */
export const BATCH_BYTES = 65_536;
/** A larger message of the stream is refused: one batch, and the frame that was too much for it, with its metadata. */
export const MAX_BATCH_BYTES = 131_072;

export const WINDOW_BYTES = 262_144;
export const MIN_WINDOW_BYTES = 65_536;
export const MAX_WINDOW_BYTES = 1_048_576;
