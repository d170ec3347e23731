import type { NewTask } from '../gen/contact/v1/task_pb.ts';
import { ChurnSet } from '../shared/churn.ts';
import { ContactError, invalid } from '../shared/errors.ts';
import { findTracing } from '../shared/tracing.ts';
import { type Enqueued, Gatherer, type Waiter } from './batch.ts';
import { type CallOptions, callTask } from './calltask.ts';
import * as check from './check.ts';
import { type Codec, json } from './codec.ts';
import { createConnection } from './connection.ts';
import { TaskFailed } from './failure.ts';
import {
  BATCH_RULES,
  BROADCAST_RULES,
  type BroadcastOptions,
  buildTask,
  buildTasks,
  CALL_RULES,
  type EnqueueOptions,
  type NewTaskInput,
  sizeOfTasks,
} from './newtask.ts';
import { CONNECTION_RULES, type ConnectionOptions, checkObject } from './options.ts';
import { Outstanding } from './outstanding.ts';
import { createPipeline } from './pipeline.ts';
import { readProblem } from './result.ts';
import { settledStateOf } from './state.ts';
import { traceCall, traceSending } from './tracing.ts';
import { oncePerTurn } from './turn.ts';
import { createDeadlines, createWaiter, overdue, type WaitEnds } from './waiter.ts';

/** What `createProducer()` takes. */
export interface ProducerOptions<P> extends ConnectionOptions {
  /** Encodes payloads and decodes results of calls; default JSON. */
  readonly codec?: Codec<P, unknown>;
  /** Tasks sent or waiting to be sent, beyond which `enqueue()` waits; default 10,000. */
  readonly maxOutstanding?: number;
  /** Bytes of tasks sent or waiting to be sent, beyond which `enqueue()` waits; default 16 MiB. */
  readonly maxOutstandingBytes?: number;
  /**
   * Milliseconds for which a refusal that names a time to come again (a full queue) is obeyed before it rejects;
   * default 60,000.
   */
  readonly patienceMs?: number;
  /** Milliseconds that `enqueue()` and the like wait unless they say otherwise; default 60,000. 0 or Infinity: without end. */
  readonly enqueueDeadlineMs?: number;
}

/** What ends the wait of `enqueue()` and the like before its answer. */
export interface Abortable {
  /** Ends the wait, which rejects with ContactError CANCELLED; the task may have been stored. */
  readonly signal?: AbortSignal;
  /**
   * Milliseconds until the wait rejects with ContactError DEADLINE_EXCEEDED; default: `enqueueDeadlineMs` of the producer. The
   * task may have been stored: its error names the id, with which it can be enqueued again and is stored once. 0 or
   * Infinity: without end.
   */
  readonly deadlineMs?: number;
}

/** Enqueues tasks, and awaits their results. Whatever is refused rejects with a ContactError. */
export interface Producer<P> extends AsyncDisposable {
  /**
   * Resolves once the task is stored for good; waits while too much is outstanding, and while the server is out of
   * reach, a minute at most (`deadlineMs`). Calls of one turn of the event loop travel together.
   * @throws ContactError INVALID_ARGUMENT naming the field that is wrong; RESOURCE_EXHAUSTED: the queue is full, for longer than
   *   `patienceMs`; DEADLINE_EXCEEDED that says why, and what became of the task
   * @example
   * const { id, deduplicated } = await producer.enqueue('mails', { to: 'a@example.org' }, { key: 'welcome/42', delayMs: 60_000 });
   */
  enqueue<T extends P>(queue: string, payload: T, options?: EnqueueOptions<T> & Abortable): Promise<Enqueued>;
  /**
   * One child task for every client that serves the queue and matches, when this is stored; answers the id of the
   * parent. The children and at last the parent, whose result holds their counts, are what
   * `observer.results({ parentId: id, from: 'oldest' })` gives.
   * @throws ContactError as `enqueue()`, and FAILED_PRECONDITION: no client matches
   * @example
   * const { id } = await producer.broadcast('restarts', { version: 7 }, { selector: 'site=berlin', known: true });
   */
  broadcast<T extends P>(queue: string, payload: T, options?: BroadcastOptions<T> & Abortable): Promise<Enqueued>;
  /**
   * 1 to 1,000 tasks, of any queues, all stored or none; answers what became of each, in their order.
   * @throws ContactError as `enqueue()`, its `field` naming the task: `tasks[3].payload`
   * @example
   * await producer.enqueueBatch([
   *   { queue: 'mails', payload: { to: 'a@example.org' } },
   *   { queue: 'mails', payload: { to: 'b@example.org' }, delayMs: 1_000 },
   * ]);
   */
  enqueueBatch<T extends P>(tasks: readonly NewTaskInput<T>[], options?: Abortable): Promise<Enqueued[]>;
  /**
   * Enqueues a task and waits for its result, decoded: over a restart of the server too, until `deadlineMs`, by default 60,000.
   * @throws TaskFailed when it ends otherwise, with its state and error
   * @throws ContactError as `enqueue()`, and DEADLINE_EXCEEDED when it does not end in time: it goes on, unless
   *   `cancelWhenAbandoned`
   * @example
   * const sum = await producer.call<number>('sums', { a: 1, b: 2 }, { deadlineMs: 5_000 });
   */
  call<R = unknown, T extends P = P>(queue: string, payload: T, options?: EnqueueOptions<T> & CallOptions): Promise<R>;
  /**
   * Opens the stream ahead of the first task. Keeps trying while the server is out of reach.
   * @throws ContactError what the server refuses for good: a credential, TLS
   */
  connected(): Promise<void>;
  /** Resolves when `enqueue()` would not wait for room. */
  ready(): Promise<void>;
  /**
   * Waits for what is unacknowledged, gives up calls that still wait for a result, then lets go of everything.
   * @param options.deadlineMs then the rest is rejected, also while the server is away; default 10,000
   */
  close(options?: { readonly deadlineMs?: number }): Promise<void>;
}

const PRODUCER_RULES: Readonly<Record<keyof ProducerOptions<never>, check.Check>> = Object.freeze({
  ...CONNECTION_RULES,
  codec: check.codec,
  maxOutstanding: check.integer(1, Number.MAX_SAFE_INTEGER),
  maxOutstandingBytes: check.integer(1, Number.MAX_SAFE_INTEGER),
  patienceMs: check.waitMs,
  enqueueDeadlineMs: check.deadlineMs,
});
const MAX_OUTSTANDING = 10_000;
const MAX_OUTSTANDING_BYTES = 16 * 1024 * 1024;
const MAX_WHOLE_BATCH = 1_000;
const PATIENCE_MS = 60_000;
const ENQUEUE_DEADLINE_MS = 60_000;
const CLOSE_DEADLINE_MS = 10_000;
const BATCH_LIMITS = Object.freeze({ maxTasks: 100, maxBytes: 256 * 1024 });

/**
 * A producer over a connection of its own, which is opened with the first task and comes back by itself. Nothing is
 * lost by a broken connection: tasks have their ids from here, and are sent again until they are acknowledged.
 * @throws ContactError INVALID_ARGUMENT naming the option that is wrong
 * @example
 * const producer = createProducer({ server: '127.0.0.1:50051' });
 * const { id } = await producer.enqueue('mails', { to: 'a@example.org' }, { maxAttempts: 3, delayMs: 60_000 });
 * const sum = await producer.call<number>('sums', { a: 1, b: 2 }, { deadlineMs: 5_000 });
 * await producer.close();
 */
export function createProducer<P = unknown>(options: ProducerOptions<P>): Producer<P> {
  checkObject(options, PRODUCER_RULES);
  const connection = createConnection(options);
  // For servers that tell results to CallTask alone, a stream for each call: where a proxy allows so many, calls that wait
  // would leave no room for the one that enqueues.
  const callConnection = createConnection(options);
  const codec = options.codec ?? (json as Codec<P, unknown>);
  const outstanding = new Outstanding(
    options.maxOutstanding ?? MAX_OUTSTANDING,
    options.maxOutstandingBytes ?? MAX_OUTSTANDING_BYTES,
  );
  const pipeline = createPipeline({
    connection,
    patienceMs: options.patienceMs ?? PATIENCE_MS,
    left: (count, bytes) => outstanding.leave(count, bytes),
  });
  const { enqueueDeadlineMs = ENQUEUE_DEADLINE_MS } = options;
  const after = createDeadlines(connection.clock);
  const gatherer = new Gatherer(BATCH_LIMITS);
  const closing = new AbortController();
  const tracing = findTracing();
  // Bounded by those who wait for their calls.
  const calls = new ChurnSet<Promise<unknown>>();
  let isClosed = false;

  const flushSoon = oncePerTurn(() => pipeline.push(gatherer.take()));

  /** Waits until the tasks may be outstanding, then adds them to the batch of this turn. */
  function admit<T>(count: number, bytes: number, waiter: Waiter<T>, add: () => void): void {
    const gather = (): void => {
      if (waiter.isAbandoned) {
        outstanding.leave(count, bytes);
        return;
      }
      waiter.isGathered = true;
      add();
      flushSoon();
    };
    const turn = outstanding.enter(count, bytes);
    if (turn) void turn.then(gather);
    else gather();
  }

  /** What ends the wait for these tasks. */
  function endsOf(tasks: readonly NewTask[], { signal, deadlineMs = enqueueDeadlineMs }: Abortable): WaitEnds {
    if (deadlineMs === 0 || deadlineMs === Number.POSITIVE_INFINITY) return { signal, deadline: undefined };
    // Not the tasks: their payloads would be held as long as the wait.
    const named = tasks.map(({ id, idempotencyKey }) => ({ id, idempotencyKey }));
    const error = (sent: boolean): ContactError => overdue(named, deadlineMs, sent, connection);
    return { signal, deadline: { ms: deadlineMs, after, error } };
  }

  function checkOpen(): void {
    if (isClosed) throw new ContactError('CANCELLED', 'the producer was closed');
  }

  function enqueue<T extends P>(
    queue: string,
    payload: T,
    taskOptions: EnqueueOptions<T> & Abortable = {},
  ): Promise<Enqueued> {
    return new Promise((resolve, reject) => {
      checkOpen();
      const task = buildTask(queue, payload, taskOptions, codec as Codec<T, unknown>);
      const sending = traceSending(tracing, [task], { resolve, reject });
      const bytes = sizeOfTasks([task], () => 'task');
      const waiter = createWaiter(sending.resolve, sending.reject, endsOf([task], taskOptions));
      admit(1, bytes, waiter, () => gatherer.add(task, bytes, waiter));
    });
  }

  const close: Producer<P>['close'] = (given) =>
    check.withDeadline(given, async (deadlineMs = CLOSE_DEADLINE_MS) => {
      isClosed = true;
      const overtime = Promise.withResolvers<void>();
      const cancel = connection.clock.after(deadlineMs, overtime.resolve);
      await Promise.race([outstanding.empty(), overtime.promise]);
      cancel();
      closing.abort();
      await Promise.allSettled([pipeline.close(), ...calls]);
      callConnection.close();
      connection.close();
    });

  return {
    connected: () => pipeline.connected(),
    ready: () => outstanding.free(),
    enqueue,
    async broadcast(queue, payload, options = {}) {
      check.checkFields(options, BROADCAST_RULES);
      const { selector, known, ...rest } = options;
      const broadcast = { ...(selector === undefined ? {} : { selector }), ...(known === undefined ? {} : { known }) };
      return enqueue(queue, payload, { ...rest, broadcast });
    },
    enqueueBatch(inputs, options = {}) {
      return new Promise((resolve, reject) => {
        checkOpen();
        check.checkFields(options, BATCH_RULES);
        check.checkValue('tasks', inputs, check.listOf(check.object));
        if (inputs.length === 0 || inputs.length > MAX_WHOLE_BATCH) {
          throw invalid('tasks', `expected 1 to ${MAX_WHOLE_BATCH}, got ${inputs.length}`);
        }
        const tasks = buildTasks(inputs, codec as Codec<unknown, unknown>);
        const sending = traceSending(tracing, tasks, { resolve, reject });
        const bytes = sizeOfTasks(tasks, (place) => `tasks[${place}]`);
        const waiter = createWaiter(sending.resolve, sending.reject, endsOf(tasks, options));
        admit(tasks.length, bytes, waiter, () => gatherer.addWhole(tasks, bytes, waiter));
      });
    },
    async call<R>(queue: string, payload: P, callOptions: EnqueueOptions<P> & CallOptions = {}) {
      checkOpen();
      const task = buildTask(queue, payload, callOptions, codec, CALL_RULES);
      const signal = callOptions.signal ? AbortSignal.any([callOptions.signal, closing.signal]) : closing.signal;
      const ways = { stream: pipeline.call, connection: callConnection, quick: connection };
      const calling = traceCall(tracing, task, () => callTask(ways, task, { ...callOptions, signal }));
      calls.add(calling);
      const event = await calling.finally(() => calls.delete(calling));
      const state = settledStateOf(event.state);
      if (state !== 'succeeded') {
        const { error } = event;
        throw new TaskFailed(event.taskId, state, error ? readProblem(error) : null);
      }
      return (callOptions.codec ?? codec).decode(event.result, event.contentType) as R;
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}
