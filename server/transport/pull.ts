import type { DescMethod } from '@bufbuild/protobuf';
import type { Answer, Request } from '../api/handler.ts';
import { type AnsweringCall, isOver } from './answering.ts';
import type { CallEnds } from './call.ts';
import type { CallContext } from './context.ts';

/** How the answers of a stream flow; its handler knows nothing of that. */
export interface Flow<M extends DescMethod> {
  /** The bytes of an answer on the wire, about. */
  weigh(answer: Answer<M>): number;
  /** For a stream that is kept from being idle: the message that is repeated after this answer until the next. */
  keep?(request: Request<M>, answer: Answer<M>): Answer<M> | undefined;
}

export interface Pulling<T> {
  readonly call: AnsweringCall<T>;
  readonly context: CallContext;
  readonly ends: CallEnds;
  readonly answers: () => AsyncIterable<T>;
  readonly weigh: (answer: T) => number;
  readonly keep?: ((answer: T) => T | undefined) | undefined;
}

/** Writes what a handler answers, at the pace of the reader, and ends the call as the handler ends. */
export async function pullAnswers<T>({ call, context, ends, answers, weigh, keep }: Pulling<T>): Promise<void> {
  const { peer } = context;
  ends.open(call, peer);
  const out = ends.outflow(call, peer);
  /** The message that is repeated. A small one: the answer itself would be held for as long as nothing follows it. */
  let repeated: T | undefined;

  function write(answer: T): boolean {
    const hasRoom = out.write(answer, weigh(answer));
    const isFirst = repeated === undefined;
    repeated = keep?.(answer);
    if (isFirst && repeated !== undefined) out.keep(() => repeated as T);
    return hasRoom;
  }

  try {
    for await (const answer of answers()) {
      if (isOver(call) || (!write(answer) && !(await out.hasRoom()))) return;
    }
    if (isOver(call)) return;
    if (context.isAborted) ends.end(call, peer, context.signal.reason);
    else call.end();
  } catch (error) {
    ends.end(call, peer, error);
  } finally {
    context.close();
  }
}
