import type { DescMethod, DescMethodUnary, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { ChurnSet } from '../../shared/churn.ts';
import { ContactError, invalid } from '../../shared/errors.ts';
import { methodPath } from '../../shared/grpc.ts';
import { isTaskId } from '../../shared/ids.ts';
import { DEFAULT_BACKOFF } from '../backoff.ts';
import { createConnection } from '../connection.ts';
import { checkMethod, checkService } from '../descriptor.ts';
import { guardRandom } from '../options.ts';
import { callDurable, type DurableOptions } from './durable.ts';
import { endHere } from './error.ts';
import { beginLife, type Life } from './life.ts';
import { callLive, type LiveOptions } from './live.ts';
import {
  type AnswerOptions,
  type CallerOptions,
  readWaiting,
  readWanted,
  type StubOptions,
  validateCaller,
  type Wanted,
} from './options.ts';
import { manyRequests, oneRequest, type Requests } from './requests.ts';
import { type Answers, createAnswers, decodeAnswer, encodeRequest, type Messages, type Stub, takeOne } from './stub.ts';
import { traceCalls } from './tracing.ts';

/** A call that is stored, and waits to be answered. */
export interface KeptCall<T> {
  /** Good for `caller.answer()`, now and in another process, and the id of an ordinary task in every view. */
  readonly taskId: string;
  /** Waits for the answer, as `caller.answer()` does. */
  answer(options?: AnswerOptions): Promise<T>;
}

/**
 * Calls methods of gRPC services that clients serve. What is refused, or ends otherwise than well, rejects with a CallError, or
 * with the error that the source of the requests has thrown; an option that is wrong with a ContactError INVALID_ARGUMENT that
 * names it, before anything is sent.
 */
export interface Caller extends AsyncDisposable {
  /**
   * The methods of a service, typed: unary ones and those that send a stream answer a promise, others what is to be iterated.
   * @throws ContactError INVALID_ARGUMENT for what is no service; its methods reject with a CallError
   * @example
   * const guide = caller.stub(RouteGuide);
   * const { name } = await guide.getFeature({ latitude: 1, longitude: 2 });
   * for await (const feature of guide.listFeatures(rectangle, { deadlineMs: 5_000 })) console.log(feature.name);
   */
  stub<S extends DescService>(service: S): Stub<S>;
  /**
   * Stores a durable call, and does not wait for its answer. Waits while the server is out of reach.
   * @throws CallError what the server refuses: PERMISSION_DENIED, RESOURCE_EXHAUSTED, ALREADY_EXISTS for a key of another request
   * @example
   * const { taskId } = await caller.keep(Greeter.method.sayHello, { name: 'Ada' }, { clientId: 'laptop-7' });
   */
  keep<M extends DescMethodUnary>(
    method: M,
    request: MessageInitShape<M['input']>,
    options?: Omit<StubOptions, 'mode' | 'waitMs'>,
  ): Promise<KeptCall<MessageShape<M['output']>>>;
  /**
   * Waits for the answer of a durable call that was stored before, by whomever; as often as somebody asks, while the task is
   * kept. Goes on by itself after a restart of the server.
   * @param options its `deadlineMs`: default: as the caller has it, else 60,000; the task goes on after that
   * @throws CallError as the handler has ended it; NOT_FOUND: there is no such task; DEADLINE_EXCEEDED
   * @example
   * const { message } = await caller.answer(Greeter.method.sayHello, taskId, { deadlineMs: 3_600_000 });
   */
  answer<M extends DescMethodUnary>(
    method: M,
    taskId: string,
    options?: AnswerOptions,
  ): Promise<MessageShape<M['output']>>;
  /** Ends the calls that are open, which reject with CANCELLED, and lets go of the connection. Durable calls stay stored. */
  close(): Promise<void>;
}

type AnyStub = Record<string, (input: unknown, options?: StubOptions) => unknown>;

/**
 * Calls the services that clients serve (`worker.serve()`), over a connection of its own that is opened with the first call. A
 * live call is made again by itself only where nobody can have begun to answer it: nothing left this process, or the server
 * says so (`contact-started: no`).
 * @throws ContactError INVALID_ARGUMENT naming the option that is wrong
 * @example
 * const caller = createCaller({ server: '127.0.0.1:50051', clientId: 'laptop-7', waitMs: 5_000 });
 * const greeter = caller.stub(Greeter);
 * console.log((await greeter.sayHello({ name: 'Ada' })).message);
 * // Stored, and answered when laptop-7 is there, be it tomorrow:
 * const { taskId } = await caller.keep(Greeter.method.sayHello, { name: 'Ada' });
 * console.log((await caller.answer(Greeter.method.sayHello, taskId, { deadlineMs: 86_400_000 })).message);
 * await caller.close();
 */
export function createCaller(options: CallerOptions): Caller {
  validateCaller(options);
  const connection = createConnection(options);
  const backoff = { ...DEFAULT_BACKOFF, ...options.backoff };
  const random = guardRandom(options.random);
  // Bounded by those who wait for their answers.
  const open = new ChurnSet<Life>();
  let isClosed = false;
  const trace = traceCalls();

  function begin(wanted: Wanted): Life {
    if (isClosed) throw new ContactError('CANCELLED', 'the caller was closed');
    return beginLife({ clock: connection.clock, deadlineMs: wanted.deadlineMs, signal: wanted.signal, open });
  }

  async function* live(plan: LiveOptions, requests: Requests): Answers<Buffer> {
    try {
      yield* callLive(plan, requests);
    } finally {
      requests.close();
      plan.life.close();
    }
  }

  async function durable(path: string, wanted: Wanted, call: DurableOptions['call']) {
    const life = begin(wanted);
    try {
      return await callDurable({ connection, path, wanted, life, call });
    } finally {
      life.close();
    }
  }

  /** Calls what has one answer. @param traced what is wanted, with the trace of a call that has one */
  async function callOne(method: DescMethod, input: unknown, given: StubOptions, traced?: Wanted): Promise<unknown> {
    const wanted = traced ?? readWanted(options, given, method);
    const path = methodPath(method);
    if (wanted.mode === 'durable') {
      const call = { message: encodeRequest(method, input), isDetached: false };
      return decodeAnswer(method, (await durable(path, wanted, call)).bytes);
    }
    const requests = readRequests(method, input);
    const plan = { connection, path, wanted, life: begin(wanted), backoff, random };
    return decodeAnswer(method, await takeOne(live(plan, requests)));
  }

  async function callTraced(method: DescMethod, input: unknown, given: StubOptions): Promise<unknown> {
    const traced = trace?.(methodPath(method), readWanted(options, given, method));
    return traced?.until(callOne(method, input, given, traced.wanted));
  }

  /** Calls what has many. */
  function callMany(method: DescMethod, input: unknown, given: StubOptions): Answers<unknown> {
    const wanted = readWanted(options, given, method);
    const requests = readRequests(method, input);
    const path = methodPath(method);
    let life: Life | undefined;
    async function* answers(): Answers<unknown> {
      const traced = trace?.(path, wanted);
      try {
        life = begin(wanted);
        const plan = { connection, path, wanted: traced?.wanted ?? wanted, life, backoff, random };
        for await (const bytes of live(plan, requests)) yield decodeAnswer(method, bytes);
        traced?.end();
      } catch (error) {
        traced?.end(error);
        throw error;
      } finally {
        // Its answers were left.
        traced?.end();
      }
    }
    return createAnswers(answers, () => life?.stop(endHere('CANCELLED', 'the answers were left')));
  }

  const answer: Caller['answer'] = async (method, taskId, given = {}) => {
    checkMethod(method);
    const wanted = readWaiting(options, given);
    if (!isTaskId(taskId)) throw invalid('taskId', 'expected the id of a task, a UUIDv7 in lower case');
    return decodeAnswer(method, (await durable(methodPath(method), wanted, { taskId })).bytes);
  };

  async function close(): Promise<void> {
    isClosed = true;
    for (const life of [...open]) life.stop(endHere('CANCELLED', 'the caller was closed'));
    connection.close();
  }

  return {
    stub<S extends DescService>(service: S): Stub<S> {
      checkService(service);
      const stub: AnyStub = {};
      for (const method of service.methods) {
        const { methodKind, localName } = method;
        const hasOne = methodKind === 'unary' || methodKind === 'client_streaming';
        const call = hasOne ? (trace ? callTraced : callOne) : callMany;
        stub[localName] = (input, given = {}) => call(method, input, given);
      }
      return stub as Stub<S>;
    },
    async keep(method, request, given = {}) {
      checkMethod(method);
      const wanted = readWanted(options, { ...given, mode: 'durable' }, method);
      const call = { message: encodeRequest(method, request), isDetached: true };
      const traced = trace?.(methodPath(method), wanted);
      const kept = durable(methodPath(method), traced?.wanted ?? wanted, call);
      const { taskId } = await (traced ? traced.until(kept) : kept);
      return { taskId, answer: (waiting) => answer(method, taskId, waiting) };
    },
    answer,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** What a call sends. Throws INVALID_ARGUMENT for a message that is none, or what is no source of messages. */
function readRequests(method: DescMethod, input: unknown): Requests {
  const { methodKind } = method;
  if (methodKind === 'unary' || methodKind === 'server_streaming') return oneRequest(encodeRequest(method, input));
  const isSource =
    typeof input === 'object' && input !== null && (Symbol.asyncIterator in input || Symbol.iterator in input);
  if (!isSource) throw invalid('requests', 'expected messages to iterate, such as an async generator or an array');
  return manyRequests(input as Messages<unknown>, (one) => encodeRequest(method, one));
}
