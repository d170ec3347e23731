import type {
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import type { Json } from '../../json/plain.ts';
import type { Event } from './event.ts';
import type { Fields, Values } from './fields.ts';

export type Verb = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Names in braces of a path. */
type ParamsOf<P extends string> = P extends `${string}{${infer Name}}${infer Rest}` ? Name | ParamsOf<Rest> : never;

export type Params<P extends string> = { readonly [K in ParamsOf<P>]: string };

/** What is true of every route: how it is asked for, and which method of the contract it is, by whose rights it goes. */
export interface RouteHead<P extends string, Q extends Fields, B extends Fields> {
  readonly verb: Verb;
  /** `/v1/queues/{queue}/tasks`; a name in braces is one part of the path, percent-encoded. */
  readonly path: P;
  readonly summary: string;
  readonly query?: Q;
  /** Fields of the body; absent: it has none. */
  readonly body?: B;
  /** The type of docs/json.md that is answered, or the name of a list of it, and what is answered beside the list. */
  readonly answers: string | { readonly list: string; readonly of: string; readonly beside?: Fields };
}

export interface Reply {
  /** Default: 200. */
  readonly status?: number;
  readonly body: Json;
}

type Asked<P extends string, Q extends Fields, B extends Fields> = Params<P> & Values<Q> & Values<B>;

interface OneRoute<M extends DescMethodUnary, P extends string, Q extends Fields, B extends Fields>
  extends RouteHead<P, Q, B> {
  readonly method: M;
  /** The request of the contract. */
  ask(given: Asked<P, Q, B>): MessageInitShape<M['input']>;
  tell(answer: MessageShape<M['output']>, given: Asked<P, Q, B>): Reply;
}

interface StreamRoute<M extends DescMethodServerStreaming, P extends string, Q extends Fields>
  extends RouteHead<P, Q, Fields> {
  readonly method: M;
  ask(given: Asked<P, Q, Record<never, never>>, lastEventId: string | undefined): MessageInitShape<M['input']>;
  /** Events of one message of the stream. */
  events(answer: MessageShape<M['output']>): readonly Event[];
  /** The same as one page; absent: it is told as events alone. */
  readonly page?: Paging<MessageShape<M['output']>>;
}

/** How a stream that ends is told in pages. */
export interface Paging<A> {
  readonly name: string;
  /** Items of a message with their cursors, and the cursor and the gap of all. */
  items(answer: A): {
    readonly items: readonly (readonly [cursor: string, item: Json])[];
    readonly cursor: string;
    readonly gap: number;
  };
}

/** A route as the table has it. */
export interface Route {
  readonly verb: Verb;
  readonly path: string;
  readonly method: DescMethod;
  readonly summary: string;
  readonly query?: Fields;
  readonly body?: Fields;
  readonly answers: RouteHead<string, Fields, Fields>['answers'];
  // biome-ignore lint/suspicious/noExplicitAny: each route knows the messages of its own method.
  ask(given: any, lastEventId?: string): any;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  tell?(answer: any, given: any): Reply;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  events?(answer: any): readonly Event[];
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly page?: Paging<any>;
}

/** A route to a method with one answer. */
export function one<
  const M extends DescMethodUnary,
  const P extends string,
  Q extends Fields = Record<never, never>,
  B extends Fields = Record<never, never>,
>(route: OneRoute<M, P, Q, B>): Route {
  return route;
}

/** A route to a method that answers with a stream. */
export function stream<
  const M extends DescMethodServerStreaming,
  const P extends string,
  Q extends Fields = Record<never, never>,
>(route: StreamRoute<M, P, Q>): Route {
  return route;
}
