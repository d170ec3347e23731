import type { DescMethodClientStreaming } from '@bufbuild/protobuf';
import type { handleClientStreamingCall } from '@grpc/grpc-js';
import { ContactError } from '../../shared/errors.ts';
import type { Answer, CollectRequests, Request } from '../api/handler.ts';
import type { CallEnds } from './call.ts';
import { CallContext } from './context.ts';

/** Adapts a handler that reads each request when it has dealt with the one before, and gives one answer to all. */
export function adaptClientStream<M extends DescMethodClientStreaming>(
  handle: CollectRequests<M>,
  ends: CallEnds,
): handleClientStreamingCall<Request<M>, Answer<M>> {
  return (call, callback) => {
    const context = new CallContext(call, ends);
    ends.answer(
      call,
      callback,
      () => handle(readRequests<Request<M>>(call), context),
      () => context.close(),
    );
  };
}

/** The requests of a client, as they come. CANCELLED: the client has gone before the end. */
async function* readRequests<T>(call: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* call;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE')) throw error;
    throw new ContactError('CANCELLED', 'the client has gone', { cause: error });
  }
}
