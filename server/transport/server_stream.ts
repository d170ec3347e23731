import type { DescMethodServerStreaming } from '@bufbuild/protobuf';
import type { handleServerStreamingCall } from '@grpc/grpc-js';
import type { Answer, AnswerMany, Request } from '../api/handler.ts';
import type { CallEnds } from './call.ts';
import { CallContext } from './context.ts';
import { type Flow, pullAnswers } from './pull.ts';

/** Adapts a handler of one request that answers at the pace of the reader. */
export function adaptServerStream<M extends DescMethodServerStreaming>(
  handle: AnswerMany<M>,
  flow: Flow<M>,
  ends: CallEnds,
): handleServerStreamingCall<Request<M>, Answer<M>> {
  return (call) => {
    const { request } = call;
    const context = new CallContext(call, ends);
    void pullAnswers<Answer<M>>({
      call,
      context,
      ends,
      answers: () => handle(request, context),
      weigh: flow.weigh,
      keep: flow.keep && ((answer) => flow.keep!(request, answer)),
    });
  };
}
