import type {
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import type { Metadata } from '@grpc/grpc-js';

/** What a handler of a served method knows of its call beside the request. */
export interface CallContext {
  /** What the caller has sent along. */
  readonly metadata: Metadata;
  /** Aborted when the caller has cancelled or gone, the deadline has passed, or the worker stops. */
  readonly signal: AbortSignal;
  /** When the caller gives up; undefined: never. */
  readonly deadline: Date | undefined;
  /** Where the call came from, as the server names it. */
  readonly caller: string;
  /** Sent before the first answer; without it, or after it, nothing is. */
  sendHeaders(metadata: Metadata): void;
  /** Sent with the status, be it an error. */
  readonly trailers: Metadata;
}

type In<M extends DescMethod> = MessageShape<M['input']>;
type Out<M extends DescMethod> = MessageInitShape<M['output']>;

/** Answers one method. What it throws with a `code` of gRPC (and `details`, `metadata`) is the status; else UNKNOWN. */
export type MethodHandler<M extends DescMethod> = M extends DescMethodUnary
  ? (request: In<M>, context: CallContext) => Promise<Out<M>> | Out<M>
  : M extends DescMethodServerStreaming
    ? (request: In<M>, context: CallContext) => AsyncIterable<Out<M>>
    : M extends DescMethodClientStreaming
      ? (requests: AsyncIterable<In<M>>, context: CallContext) => Promise<Out<M>> | Out<M>
      : M extends DescMethodBiDiStreaming
        ? (requests: AsyncIterable<In<M>>, context: CallContext) => AsyncIterable<Out<M>>
        : never;

/** Methods that are left out are not served. */
export type ServiceHandlers<S extends DescService> = {
  readonly [K in keyof S['method']]?: MethodHandler<S['method'][K]>;
};

/** What `serve()` takes beside handlers. */
export interface ServeOptions {
  /** How many live calls may run here at once, of all services; 1 to 10,000, default 100. The newest counts. */
  readonly maxCalls?: number;
}

/** A handler of whichever kind, for the code that runs it by `methodKind`. */
export type AnyHandler = (input: never, context: CallContext) => unknown;
