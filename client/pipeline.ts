import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { NewTask, ResultEvent } from '../gen/contact/v1/task_pb.ts';
import {
  type EnqueueRefusal,
  type EnqueueWindow,
  type StreamEnqueueRequestSchema,
  type StreamEnqueueResponse,
  TaskService,
} from '../gen/contact/v1/task_service_pb.ts';
import { ChurnMap } from '../shared/churn.ts';
import { ContactError, nameTask } from '../shared/errors.ts';
import { drained } from '../shared/streams.ts';
import { type Batch, judgeCut, pruneBatch, refuseLarge, rejectBatch, resolveBatch, splitBatch } from './batch.ts';
import { createCalls, ELSEWHERE } from './calls.ts';
import { cancelCall } from './cancel.ts';
import { type CallEnd, endOf, errorOf, errorOfRefusal } from './closing.ts';
import type { Connection, Link } from './connection.ts';
import { createUnservedWarning } from './unserved.ts';

export interface PipelineOptions {
  readonly connection: Connection;
  /** Milliseconds for which a refusal that says "later" is obeyed before it is the caller's. */
  readonly patienceMs: number;
  /** Told of so many tasks and bytes that are no longer outstanding. */
  readonly left: (count: number, bytes: number) => void;
}

/** Sends batches over one long-lived stream and again over the next one, until each was acknowledged or refused. */
export interface Pipeline {
  push(batches: readonly Batch[]): void;
  /** Stores the task and waits for its result on the same stream: see `Calls.run`. */
  call(task: NewTask, signal: AbortSignal, endsAt: number): Promise<ResultEvent | null>;
  /** Opens the stream; resolves when the server has answered, rejects when it refused. */
  connected(): Promise<void>;
  /** Ends the stream; what is unsettled is rejected. */
  close(): Promise<void>;
}

type EnqueueCall = ClientDuplexStream<MessageInitShape<typeof StreamEnqueueRequestSchema>, StreamEnqueueResponse>;

/** How long the first message of the server may take. */
const OPEN_TIMEOUT_MS = 10_000;
/** How long the server may take to end the stream after this side did. */
const END_TIMEOUT_MS = 1_000;

export function createPipeline({ connection, patienceMs, left }: PipelineOptions): Pipeline {
  const { clock, logger } = connection;
  const warnUnserved = createUnservedWarning(connection.warn);
  const closing = new AbortController();
  // Bounded by the producer's `Outstanding`: every batch here is counted there.
  let unsent: Batch[] = [];
  let sent: Batch[] = [];
  const deferred = new ChurnMap<Batch, () => void>();
  let sentBytes = 0;
  let call: EnqueueCall | null = null;
  let window: EnqueueWindow | null = null;
  let isDraining = false;
  let running: Promise<void> | null = null;
  let opened = Promise.withResolvers<void>();
  opened.promise.catch(() => {});
  const calls = createCalls({ clock, open: start, push, abandon: (ids) => send([], { abandoned: [...ids] }) });

  /** Counts tasks out of what is outstanding; those of calls never were, since calls have bounds of their own. */
  function leave(batch: Batch, count: number, bytes: number): void {
    if (!batch.isAwaited) left(count, bytes);
  }

  function settle(
    batch: Batch,
    error: ContactError | null,
    ids: readonly string[] = [],
    again: readonly number[] = [],
  ) {
    if (error) rejectBatch(batch, error);
    else resolveBatch(batch, ids, again);
    leave(batch, batch.tasks.length, batch.bytes);
  }

  function send(tasks: NewTask[], { awaitResults = false, abandoned = [] as string[] }): void {
    if (!call) return;
    if (!call.write({ $typeName: 'contact.v1.StreamEnqueueRequest', tasks, awaitResults, abandoned }))
      waitForDrain(call);
  }

  function pump(): void {
    while (call && window && !isDraining && unsent.length > 0) {
      const next = unsent[0]!;
      const isProbe = next.cuts > 0 || (sent[0]?.cuts ?? 0) > 0;
      if (sent.length > 0 && (isProbe || sent.length >= window.maxBatches || sentBytes + next.bytes > window.maxBytes))
        return;
      unsent.shift();
      const gone = pruneBatch(next);
      if (gone > 0) {
        leave(next, gone, 0);
        if (next.isAwaited) calls.pruned(gone);
      }
      if (next.tasks.length === 0) {
        leave(next, 0, next.bytes);
        continue;
      }
      const refusal = refuseLarge(next, window.limits?.maxMessageBytes || Number.POSITIVE_INFINITY);
      if (refusal) {
        settle(next, refusal);
        continue;
      }
      sent.push(next);
      sentBytes += next.bytes;
      send(next.tasks, { awaitResults: next.isAwaited });
    }
  }

  function waitForDrain(writing: EnqueueCall): void {
    isDraining = true;
    void drained(writing).then((isAlive) => {
      if (writing !== call) return;
      isDraining = !isAlive;
      pump();
    });
  }

  function readResponse({ event }: StreamEnqueueResponse, link: Link): void {
    if (event.case === 'window') {
      link.answered();
      window = event.value;
      opened.resolve();
      if (window.maxAwaited === 0) passOn();
      calls.opened(window.maxAwaited);
    } else if (event.case === 'settled') {
      link.worked();
      calls.settled(event.value.results);
    } else if (event.case !== undefined) {
      const batch = sent.shift();
      if (!batch) {
        if (call) cancelCall(call);
        return;
      }
      link.worked();
      sentBytes -= batch.bytes;
      if (event.case === 'stored') {
        const { ids, deduplicated, unserved } = event.value;
        if (unserved.length > 0) warnUnserved(unserved);
        settle(batch, null, ids, deduplicated);
      } else refuse(batch, event.value);
    }
    pump();
  }

  /** Gives up the batches of calls: this server would store their tasks and never tell the results. */
  function passOn(): void {
    const isOwn = ({ isAwaited }: Batch): boolean => !isAwaited;
    const others = unsent.filter(({ isAwaited }) => isAwaited);
    unsent = unsent.filter(isOwn);
    for (const [batch, cancel] of deferred) {
      if (isOwn(batch)) continue;
      cancel();
      deferred.delete(batch);
      others.push(batch);
    }
    for (const batch of others) settle(batch, ELSEWHERE);
  }

  function refuse(batch: Batch, refusal: EnqueueRefusal): void {
    const { message, retryAfterMs } = refusal;
    const said = errorOfRefusal(refusal);
    // Whoever enqueues one task knows nothing of the batch that it travels in.
    const error = batch.waiters.kind === 'each' ? nameTask(said, 'task') : said;
    const now = clock.monotonic();
    batch.refusedAt ??= now;
    // A call has a deadline of its own.
    if (retryAfterMs > 0 && (batch.isAwaited || now + retryAfterMs - batch.refusedAt <= patienceMs)) {
      logger.warn(`the server takes no more for now: ${message}; next try in ${retryAfterMs} ms`);
      deferred.set(
        batch,
        clock.after(retryAfterMs, () => {
          deferred.delete(batch);
          push([batch]);
        }),
      );
      return;
    }
    const parts = splitBatch(batch);
    if (parts.length > 0) unsent.unshift(...parts);
    else settle(batch, error);
  }

  async function runStream(link: Link): Promise<CallEnd> {
    const stream = link.client(TaskService).streamEnqueue(connection.metadata());
    call = stream;
    stream.on('data', (response) => {
      if (stream === call) readResponse(response, link);
    });
    const cancelTimeout = clock.after(OPEN_TIMEOUT_MS, () => {
      if (!window) cancelCall(stream);
    });
    if (closing.signal.aborted) cancelCall(stream);
    const end = await endOf(stream);
    const wasCut = window !== null && !end.advice && !closing.signal.aborted;
    cancelTimeout();
    call = null;
    window = null;
    isDraining = false;
    // Ids make sending again safe: what was stored is acknowledged once more.
    unsent = (wasCut ? judgeCut(sent, errorOf(end).message, settle) : sent).concat(unsent);
    sent = [];
    sentBytes = 0;
    calls.cut();
    return end;
  }

  async function run(): Promise<void> {
    do {
      const link = await connection.open(closing.signal);
      if (!link) return;
      const end = await runStream(link);
      if (closing.signal.aborted) return;
      const nextTryMs = link.failed(end);
      if (connection.isFinal(end, link)) {
        rejectAll(errorOf(end));
        return;
      }
      if (hasWork()) logger.warn(`lost ${connection.server}: ${errorOf(end).message}; next try in ${nextTryMs} ms`);
    } while (hasWork());
  }

  function hasWork(): boolean {
    return unsent.length > 0 || deferred.size > 0 || calls.hasWork;
  }

  function rejectAll(error: ContactError): void {
    const batches = unsent.concat([...deferred.keys()]);
    for (const cancel of deferred.values()) cancel();
    deferred.clear();
    unsent = [];
    opened.reject(error);
    opened = Promise.withResolvers<void>();
    opened.promise.catch(() => {});
    for (const batch of batches) settle(batch, error);
    calls.rejectAll(error);
  }

  function start(): void {
    if (running || closing.signal.aborted) return;
    running = run()
      .catch((error) => rejectAll(ContactError.from(error)))
      .finally(() => {
        running = null;
        if (hasWork()) start();
      });
  }

  function push(batches: readonly Batch[]): void {
    for (const batch of batches) unsent.push(batch);
    if (closing.signal.aborted) rejectAll(new ContactError('CANCELLED', 'the producer was closed'));
    start();
    pump();
  }

  return {
    push,
    call: calls.run,
    connected() {
      start();
      return opened.promise;
    },
    async close() {
      const stream = call;
      closing.abort();
      const stop = clock.after(END_TIMEOUT_MS, () => stream && cancelCall(stream));
      calls.flush();
      // The server would end a stream with such a batch only with its results.
      if (sent.some(({ isAwaited }) => isAwaited)) {
        if (stream) cancelCall(stream);
      } else stream?.end();
      await running;
      stop();
      rejectAll(new ContactError('CANCELLED', 'the producer was closed'));
    },
  };
}
