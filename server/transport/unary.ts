import type { DescMethodUnary } from '@bufbuild/protobuf';
import type { handleUnaryCall } from '@grpc/grpc-js';
import type { Answer, AnswerOne, Request } from '../api/handler.ts';
import type { CallEnds } from './call.ts';
import { CallContext } from './context.ts';

/** Adapts a handler of one request and one answer. */
export function adaptUnary<M extends DescMethodUnary>(
  handle: AnswerOne<M>,
  ends: CallEnds,
): handleUnaryCall<Request<M>, Answer<M>> {
  return (call, callback) => {
    const context = new CallContext(call, ends);
    ends.answer(
      call,
      callback,
      () => handle(call.request, context),
      () => context.close(),
    );
  };
}
