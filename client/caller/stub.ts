import {
  create,
  type DescMethod,
  type DescMethodBiDiStreaming,
  type DescMethodClientStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { describeThrown } from '../../shared/describe.ts';
import { invalid } from '../../shared/errors.ts';
import { checkInit } from '../descriptor.ts';
import { CallError, endHere } from './error.ts';
import type { StubOptions } from './options.ts';

type In<M extends DescMethod> = MessageInitShape<M['input']>;
type Out<M extends DescMethod> = MessageShape<M['output']>;

/** Messages that a caller sends one after another: what an async generator makes, or an array. Read as the connection takes them. */
export type Messages<T> = AsyncIterable<T> | Iterable<T>;

/**
 * Answers that come one after another. The call begins when they are asked for, and is cancelled when they are left: by
 * `break`, by `return()`, by an error in the loop.
 */
export type Answers<T> = AsyncGenerator<T, void, undefined>;

/** How a method of this kind is called. */
export type StubMethod<M extends DescMethod> = M extends DescMethodUnary
  ? (request: In<M>, options?: StubOptions) => Promise<Out<M>>
  : M extends DescMethodServerStreaming
    ? (request: In<M>, options?: StubOptions) => Answers<Out<M>>
    : M extends DescMethodClientStreaming
      ? (requests: Messages<In<M>>, options?: StubOptions) => Promise<Out<M>>
      : M extends DescMethodBiDiStreaming
        ? (requests: Messages<In<M>>, options?: StubOptions) => Answers<Out<M>>
        : never;

/** The methods of a service by their local names. */
export type Stub<S extends DescService> = { readonly [K in keyof S['method']]: StubMethod<S['method'][K]> };

/** The bytes of a request. Throws INVALID_ARGUMENT, naming the field, for what is no message of this method. */
export function encodeRequest({ input }: DescMethod, request: unknown): Buffer {
  checkInit(input, request, 'request');
  try {
    const bytes = toBinary(input, create(input, request as Record<string, unknown>));
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } catch (error) {
    const message = describeThrown(error);
    const [, field = 'request', problem = message] = /field [\w.]+\.(\w+)(?: to binary)?: (.*)/s.exec(message) ?? [];
    throw invalid(field, problem);
  }
}

/** The message of an answer. */
export function decodeAnswer<M extends DescMethod>({ output }: M, bytes: Uint8Array): Out<M> {
  try {
    return fromBinary(output, bytes) as Out<M>;
  } catch {
    throw new CallError(endHere('INTERNAL', `the answer is no ${output.typeName}`), { isUnsent: false });
  }
}

/** The one message that a call is answered with. */
export async function takeOne(answers: AsyncIterable<Buffer>): Promise<Buffer> {
  let found: Buffer | undefined;
  for await (const bytes of answers) {
    if (found) throw new CallError(endHere('INTERNAL', 'the call was answered twice'), { isUnsent: false });
    found = bytes;
  }
  if (!found) throw new CallError(endHere('INTERNAL', 'the call ended well without an answer'), { isUnsent: false });
  return found;
}

/**
 * Answers to be read, of a call that `begin` makes when the first of them is asked for. Who leaves them does not wait for the
 * next one: `leave` ends what `begin` waits for.
 */
export function createAnswers<T>(begin: () => Answers<T>, leave: () => void): Answers<T> {
  const inner = begin();
  let isLeft = false;

  async function next(): Promise<IteratorResult<T, void>> {
    try {
      return await inner.next();
    } catch (error) {
      if (isLeft) return { done: true, value: undefined };
      throw error;
    }
  }

  function end(): Promise<IteratorResult<T, void>> {
    isLeft = true;
    leave();
    return inner.return();
  }

  return {
    next,
    return: end,
    throw: (error) => end().then(() => Promise.reject(error)),
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: () => end().then(() => undefined),
  };
}
