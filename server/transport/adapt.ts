import type { DescMethod, DescService } from '@bufbuild/protobuf';
import type { Handlers as CallHandlers } from '../../shared/grpc.ts';
import type { AnswerMany, AnswerOne, CollectRequests, Converse, Handlers } from '../api/handler.ts';
import { adaptBidiStream } from './bidi_stream.ts';
import type { CallEnds } from './call.ts';
import { adaptClientStream } from './client_stream.ts';
import type { Flow } from './pull.ts';
import { adaptServerStream } from './server_stream.ts';
import { adaptUnary } from './unary.ts';

/** The methods of a service that answer with a stream. */
type Answering<S extends DescService> = {
  [K in keyof S['method']]: S['method'][K]['methodKind'] extends 'server_streaming' | 'bidi_streaming' ? K : never;
}[keyof S['method']];

export interface Adapting<S extends DescService, Own extends keyof S['method']> {
  readonly handlers: Handlers<S, Own>;
  /** How each stream of answers flows. */
  readonly flows: { readonly [K in Exclude<Answering<S>, Own>]: Flow<S['method'][K]> };
  /** Methods that keep their call objects. */
  readonly own: Pick<CallHandlers<S>, Own>;
}

/** What grpc-js calls for each method of a service, made of handlers that know no call object. */
export function adaptHandlers<S extends DescService, Own extends keyof S['method']>(
  service: S,
  { handlers, flows, own }: Adapting<S, Own>,
  ends: CallEnds,
): CallHandlers<S> {
  const flowOf = flows as Readonly<Record<string, Flow<DescMethod>>>;
  const adapted: Record<string, unknown> = { ...own };
  for (const [name, handle] of Object.entries(handlers)) {
    const method = service.method[name];
    if (method) adapted[name] = adaptMethod(method, handle, flowOf[name], ends);
  }
  return adapted as CallHandlers<S>;
}

function adaptMethod(method: DescMethod, handle: unknown, flow: Flow<DescMethod> | undefined, ends: CallEnds): unknown {
  switch (method.methodKind) {
    case 'unary':
      return adaptUnary(handle as AnswerOne<typeof method>, ends);
    case 'server_streaming':
      return adaptServerStream(handle as AnswerMany<typeof method>, flow!, ends);
    case 'client_streaming':
      return adaptClientStream(handle as CollectRequests<typeof method>, ends);
    case 'bidi_streaming':
      return adaptBidiStream(handle as Converse<typeof method>, flow!, ends);
  }
}
