import type { DescMethodBiDiStreaming } from '@bufbuild/protobuf';
import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import { ContactError } from '../../shared/errors.ts';
import type { Answer, Converse, Request } from '../api/handler.ts';
import { isOver } from './answering.ts';
import type { CallEnds } from './call.ts';
import { CallContext } from './context.ts';
import { type Flow, pullAnswers } from './pull.ts';

/**
 * Adapts a handler of requests and answers; the next request is read when what came before was answered and written.
 */
export function adaptBidiStream<M extends DescMethodBiDiStreaming>(
  handle: Converse<M>,
  { weigh }: Pick<Flow<M>, 'weigh'>,
  ends: CallEnds,
): handleBidiStreamingCall<Request<M>, Answer<M>> {
  return (call) => {
    const context = new CallContext(call, ends);
    const requests = readRequests(call);
    void pullAnswers<Answer<M>>({ call, context, ends, answers: () => handle(requests, context), weigh });
  };
}

const GONE = new ContactError('CANCELLED', 'the client has gone');
const END_EVENTS = ['cancelled', 'close', 'error', 'finish'] as const;

/**
 * The requests of a client, as they come. CANCELLED: the call was over before the client had said all. The iterator of
 * a stream itself would destroy the half that answers with the one that is read.
 */
async function* readRequests<I, O>(call: ServerDuplexStream<I, O>): AsyncGenerator<I> {
  /** Requests that wait: one, or two if they came together, for the first pauses the call. */
  const requests: I[] = [];
  let hasEnded = false;
  let wake = (): void => undefined;

  call.on('data', (request: I) => {
    call.pause();
    requests.push(request);
    wake();
  });
  call.on('end', () => {
    hasEnded = true;
    wake();
  });
  for (const event of END_EVENTS) call.on(event, () => wake());

  for (;;) {
    const request = requests.shift();
    if (request !== undefined) yield request;
    else if (hasEnded) return;
    else if (isOver(call)) throw GONE;
    else {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      call.resume();
      await woken;
    }
  }
}
