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
import type { Context } from './context.ts';

/** A request of a method, decoded. */
export type Request<M extends DescMethod> = MessageShape<M['input']>;

/** An answer of a method, to be encoded. */
export type Answer<M extends DescMethod> = MessageInitShape<M['output']>;

/** Answers one request with one promised answer. */
export type AnswerOne<M extends DescMethod> = (request: Request<M>, context: Context) => Promise<Answer<M>>;

/**
 * Answers one request with many answers, at the pace of who pulls them; the iterator is returned when nobody does any
 * more.
 */
export type AnswerMany<M extends DescMethod> = (request: Request<M>, context: Context) => AsyncIterable<Answer<M>>;

/** Answers many requests, which it pulls as it deals with them, with one answer. */
export type CollectRequests<M extends DescMethod> = (
  requests: AsyncIterable<Request<M>>,
  context: Context,
) => Promise<Answer<M>>;

/** Pulls requests and gives answers, one at the pace of the other. */
export type Converse<M extends DescMethod> = (
  requests: AsyncIterable<Request<M>>,
  context: Context,
) => AsyncIterable<Answer<M>>;

/** What answers a method, whatever carries it: a request and its context in, answers out, or a ContactError. */
export type Handler<M extends DescMethod> = M extends DescMethodUnary
  ? AnswerOne<M>
  : M extends DescMethodServerStreaming
    ? AnswerMany<M>
    : M extends DescMethodClientStreaming
      ? CollectRequests<M>
      : M extends DescMethodBiDiStreaming
        ? Converse<M>
        : never;

/** What answers the methods of a service, but for those whose streams a transport takes into its own hands. */
export type Handlers<S extends DescService, Own extends keyof S['method'] = never> = {
  readonly [K in Exclude<keyof S['method'], Own>]: Handler<S['method'][K]>;
};
