import type { Buffer } from 'node:buffer';
import { create, type DescMessage, type DescMethod, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Metadata } from '@grpc/grpc-js';
import { describeThrown } from '../../shared/describe.ts';
import { ContactError } from '../../shared/errors.ts';
import type { TunnelCall } from '../../tunnel/call.ts';
import type { Open } from '../../tunnel/frame.ts';
import { refuseMetadata } from '../../tunnel/metadata.ts';
import type { Connection } from '../connection.ts';
import { checkInit } from '../descriptor.ts';
import { Answers } from './answers.ts';
import { LiveContext } from './context.ts';
import { Inbox } from './inbox.ts';
import type { AnyHandler, CallContext } from './service.ts';
import { endOf, pairsOf, tellFailure } from './status.ts';
import type { TraceAnswer } from './tracing.ts';

/** Of calls that have ended as their handlers did: nobody's failure, and one for all. */
const OVER = new ContactError('CANCELLED', 'the call is over');

/** A call that runs here. */
export interface RunningCall {
  /** Ends it with this error, whatever its handler does. */
  abort(reason: ContactError): void;
}

/** A method, as the code that runs it has to know it. */
export interface RunMethod {
  readonly hasOneRequest: boolean;
  readonly hasOneAnswer: boolean;
  /** Throws a ContactError for what is no request. */
  decode(bytes: Buffer): unknown;
  encode(answer: unknown): Uint8Array;
  readonly handler: AnyHandler;
}

/** A method by its descriptor. */
export function typed(descriptor: DescMethod, handler: AnyHandler): RunMethod {
  const { methodKind: kind, input, output } = descriptor;
  return {
    handler,
    hasOneRequest: kind === 'unary' || kind === 'server_streaming',
    hasOneAnswer: kind === 'unary' || kind === 'client_streaming',
    encode: (answer) => encodeAnswer(output, answer),
    decode(bytes) {
      try {
        return fromBinary(input, bytes);
      } catch (error) {
        throw new ContactError('INTERNAL', `not a ${input.typeName}`, { cause: error });
      }
    },
  };
}

/** The bytes of what a handler has answered; that it is no message is a fault of the handler. */
export function encodeAnswer(output: DescMessage, answer: unknown): Uint8Array {
  try {
    checkInit(output, answer, 'the answer');
    return toBinary(output, create(output, answer as Record<string, unknown>));
  } catch (error) {
    throw new TypeError(`its handler has answered wrongly: ${describeThrown(error)}`, { cause: error });
  }
}

/** What calls have around them. */
export interface Surroundings extends Pick<Connection, 'clock' | 'logger'> {
  /** Undefined: nobody traces. */
  readonly trace?: TraceAnswer | undefined;
}

/** Runs the handler of a method for one call. @param onOver the call is over, and its handler has ended */
export function runCall(
  call: TunnelCall,
  open: Open,
  { hasOneRequest, hasOneAnswer, decode, encode, handler }: RunMethod,
  { clock, logger, trace }: Surroundings,
  onOver: () => void,
): RunningCall {
  const inbox = new Inbox((cost) => call.taken(cost));
  const answers = new Answers(call);
  const { timeoutMs } = open;
  const context = new LiveContext(open, timeoutMs > 0 ? clock.now() : 0, sendHeaders);
  let isOver = false;
  let hasHeaders = false;
  const stopTimer =
    timeoutMs > 0
      ? clock.after(timeoutMs, () => abort(new ContactError('DEADLINE_EXCEEDED', 'the deadline has passed')))
      : undefined;

  /** Nothing more is heard or said; the handler is told. */
  function close(reason: Error): void {
    isOver = true;
    stopTimer?.();
    inbox.fail(reason);
    context.abort(reason);
  }

  /** And what was said and has not left is dropped. */
  function stop(reason: Error): void {
    close(reason);
    answers.fail(reason);
  }

  function abort(reason: ContactError): void {
    if (isOver) return;
    call.end(endOf(context.givenTrailers, reason));
    stop(reason);
  }

  const gone = (): void => stop(new ContactError('CANCELLED', 'the caller has gone'));
  call.listen({
    headers: () => undefined,
    ended: () => undefined,
    failed: () => undefined,
    chunk(chunk) {
      if (!chunk.isCompressed) inbox.add(chunk);
      else abort(new ContactError('INTERNAL', 'a message is marked as compressed, and grpc-encoding does not say how'));
    },
    halfClosed: () => inbox.end(),
    cancelled: gone,
    lost: gone,
  });

  function sendHeaders(headers: Metadata): void {
    if (hasHeaders || isOver) return;
    const pairs = pairsOf(headers);
    const problem = refuseMetadata(pairs, false);
    if (problem) throw new ContactError('INTERNAL', `metadata for headers: ${problem}`);
    hasHeaders = true;
    call.headers(pairs);
  }

  async function* requests(): AsyncGenerator<unknown> {
    for (let bytes = await inbox.next(); bytes; bytes = await inbox.next()) yield decode(bytes);
  }

  async function oneRequest(): Promise<unknown> {
    const bytes = await inbox.next();
    if (!bytes) throw new ContactError('INTERNAL', 'the request ended before its message was whole');
    if (await inbox.next())
      throw new ContactError('INVALID_ARGUMENT', 'the request has two messages, and may have one');
    return decode(bytes);
  }

  function send(answer: unknown): void {
    const bytes = encode(answer);
    // What comes after the first answer is too late to come before it.
    hasHeaders = true;
    answers.add(bytes);
  }

  async function answer(): Promise<void> {
    const run = handler as AnyHandler as (input: unknown, context: CallContext) => unknown;
    const answered = run(hasOneRequest ? await oneRequest() : requests(), context);
    if (hasOneAnswer) {
      send(await answered);
      return;
    }
    for await (const one of answered as AsyncIterable<unknown>) {
      send(one);
      if (answers.isFull || isOver) await answers.hasRoom();
    }
  }

  (trace ? trace(open, answer) : answer())
    .then(
      () => endOf(context.givenTrailers),
      (error: unknown) => {
        if (!isOver) tellFailure(logger, open.method, error);
        return endOf(context.givenTrailers, error ?? 'undefined');
      },
    )
    .then((end) => {
      if (isOver) return undefined;
      // In the frame of the last answer, where that waits still.
      call.end(end);
      close(OVER);
      return answers.allTaken();
    })
    .catch(() => undefined)
    .finally(onOver);

  return { abort };
}
