import { isFinal } from '../client/closing.ts';
import { TaskFailed } from '../client/failure.ts';
import type { ConnectionOptions, Producer, EnqueueOptions as TaskOptions } from '../client/index.ts';
import { createProducer } from '../client/producer.ts';
import { startTimer } from '../shared/clock.ts';
import { ContactError } from '../shared/errors.ts';
import { newTaskId } from '../shared/ids.ts';
import type { Backoff } from './backoff.ts';
import type { CommandContext } from './context.ts';
import { escapeLine } from './escape.ts';
import { CommandFailure, EXIT } from './exit.ts';
import { nameFlag } from './flags.ts';
import { type Line, openStdin, readAll, readLines } from './lines.ts';
import { forEachInOrder } from './order.ts';
import { createPatience } from './patience.ts';
import { createEnqueueProgress } from './progress.ts';
import { reachServer, readConnection } from './reach.ts';
import { failTask, printFailure, printReply, type Reply, type ReplyStyle, replyCodec } from './reply.ts';
import { exitCodeOfSignal, onStopSignal, type StopSignal } from './signals.ts';
import type { TargetOptions } from './target.ts';

export interface EnqueueOptions extends TargetOptions {
  readonly lines?: boolean;
  readonly contentType?: string;
  readonly priority?: number;
  readonly delay?: number;
  readonly at?: Date;
  readonly expires?: number;
  readonly attempts?: number;
  readonly timeout?: number;
  readonly key?: string;
  readonly id?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly backoff?: Backoff;
  readonly client?: string;
  readonly selector?: string;
  readonly broadcast?: boolean;
  readonly known?: boolean;
  readonly wait?: boolean;
  /** Milliseconds. */
  readonly waitTimeout?: number;
  readonly cancel?: boolean;
}

/** No server takes a larger payload; its own limit is told when it refuses one. */
const MAX_INPUT_BYTES = 64 * 2 ** 20;
/** How many tasks may be sent and not yet printed. */
const ENQUEUE_WINDOW = 2_000;
/** How many results are waited for at once. */
const CALL_WINDOW = 100;
/** A deadline that is as good as none. */
const NO_DEADLINE_MS = Number.MAX_SAFE_INTEGER;

/**
 * Whether an error would be said of every further line too. The SDK has judged already whether coming again is of use,
 * and hands on what is final; a line that makes no sense says nothing of the next one.
 */
function endsAll(error: ContactError): boolean {
  const { code, advice = null } = error;
  if (code === 'INVALID_ARGUMENT' && !advice) return false;
  return code === 'CANCELLED' || isFinal({ error, advice }, false);
}

interface Submission {
  readonly queue: string;
  readonly options: EnqueueOptions;
  readonly context: CommandContext;
  readonly connection: ConnectionOptions;
  readonly producer: Producer<Uint8Array>;
  readonly style: ReplyStyle;
  /** Aborted to end all waiting for results. */
  readonly signal: AbortSignal;
  /** Names of the tasks whose results are waited for. Bounded by CALL_WINDOW. */
  readonly awaited: Set<string>;
}

/** Sends a task and answers how to print what came of it. */
type Submit = (payload: Uint8Array) => Promise<() => Promise<void> | undefined>;

export async function runEnqueue(
  queue: string,
  payload: string | undefined,
  options: EnqueueOptions,
  context: CommandContext,
): Promise<void> {
  const connection = readConnection(options, context.say);
  await reachServer(connection, options.connectTimeout);
  const producer = createProducer({ ...connection, codec: replyCodec, enqueueDeadlineMs: 0 });
  const style = { isJson: options.json === true, hasLines: options.lines === true };
  const stop = new AbortController();
  let stoppedWith: number | undefined;
  const awaited = new Set<string>();
  const onSignal = (count: number, signal: StopSignal): void => {
    stoppedWith = exitCodeOfSignal(signal);
    if (count > 1) process.exit(stoppedWith);
    const fate = options.cancel ? 'is being cancelled' : 'goes on';
    for (const name of awaited) context.say(`${name} ${fate}: the waiting was ended by ${signal}`);
    if (options.cancel && awaited.size > 0) {
      stop.abort();
    } else {
      // Ended by the signal itself, as a script that runs this command expects.
      stopListening();
      process.kill(process.pid, signal);
    }
  };
  // A terminal that hangs up reads no ids, and `nohup` wants the waiting to go on.
  const stopListening = onStopSignal(onSignal, options.cancel ? undefined : ['SIGINT', 'SIGTERM']);
  const submission = { queue, options, context, connection, producer, style, signal: stop.signal, awaited };
  const submit = createSubmit(submission, toTaskOptions(payload, options));
  let waiting = 0;
  const patience = createPatience(connection, options.connectTimeout, () => waiting > 0);
  const watched: Submit = async (bytes) => {
    waiting += 1;
    try {
      return await submit(bytes);
    } catch (error) {
      throw nameFlag(error);
    } finally {
      waiting -= 1;
      patience.satisfy();
    }
  };
  try {
    const work = options.lines ? enqueueLines(watched, submission) : enqueueOne(payload ?? '', watched, submission);
    await Promise.race([work, patience.exhausted]);
    await producer.close();
  } catch (error) {
    await producer.close({ deadlineMs: 0 });
    throw stoppedWith === undefined ? error : new CommandFailure((error as Error).message, stoppedWith);
  } finally {
    stopListening();
    patience.stop();
  }
}

function createSubmit(submission: Submission, taskOptions: TaskOptions<Uint8Array>): Submit {
  const { queue, options, context, producer, style } = submission;
  if (options.wait)
    return options.broadcast ? submitBroadcast(submission, taskOptions) : submitCall(submission, taskOptions);
  return async (payload) => {
    const { id, deduplicated } = await producer.enqueue(queue, payload, taskOptions);
    return () =>
      style.isJson ? context.out.writeJson({ id, deduplicated }) : context.out.write(`${escapeLine(id)}\n`);
  };
}

function submitCall(submission: Submission, taskOptions: TaskOptions<Uint8Array>): Submit {
  const { queue, options, context, producer, style, signal } = submission;
  const deadlineMs = options.waitTimeout ?? NO_DEADLINE_MS;
  return async (payload) => {
    const id = createId(options);
    const waiting = { deadlineMs, cancelWhenAbandoned: options.cancel === true, signal };
    const stopWaiting = remember(submission, 'task', id.id);
    try {
      const reply = await producer.call<Omit<Reply, 'taskId'>>(queue, payload, { ...taskOptions, ...id, ...waiting });
      return () => printReply({ taskId: id.id, ...reply }, style, context);
    } catch (error) {
      if (!(error instanceof ContactError) || error.code !== 'DEADLINE_EXCEEDED') throw error;
      throw new CommandFailure(`task ${id.id ?? 'of this key'}: no result within ${formatSeconds(deadlineMs)}`);
    } finally {
      stopWaiting();
    }
  };
}

/** Under a key the task may be an older one, with an id of its own. */
function createId({ key, id = newTaskId() }: EnqueueOptions): { readonly id?: string } {
  return key === undefined ? { id } : {};
}

/** Remembers what is waited for, to tell of it when the command is interrupted; calling the answer forgets it. */
function remember({ awaited, queue, options }: Submission, kind: string, id: string | undefined): () => void {
  const name = `${kind} ${id ?? `of queue ${queue} and key ${options.key}`}`;
  awaited.add(name);
  return () => awaited.delete(name);
}

function submitBroadcast(submission: Submission, taskOptions: TaskOptions<Uint8Array>): Submit {
  const { queue, options, context, connection, producer, style, signal } = submission;
  const { isJson } = style;
  const isCancelled = options.cancel === true;
  return async (payload) => {
    const id = createId(options);
    const deadline = new AbortController();
    const stopTimer = startTimer(options.waitTimeout ?? NO_DEADLINE_MS, () => deadline.abort());
    const ended = AbortSignal.any([signal, deadline.signal]);
    // Loaded here, since few commands enqueue a broadcast: it brings what observers need.
    const { runBroadcast } = await import('./broadcast.ts');
    const shared = { connection, producer, queue, payload, isJson, isCancelled, context };
    const stopWaiting = remember(submission, 'broadcast', id.id);
    try {
      await runBroadcast({ ...shared, taskOptions: { ...taskOptions, ...id }, signal: ended });
    } finally {
      stopTimer();
      stopWaiting();
    }
    return () => undefined;
  };
}

function formatSeconds(ms: number): string {
  return `${ms / 1_000} s`;
}

async function enqueueOne(payload: string, submit: Submit, { style, context }: Submission): Promise<void> {
  const bytes = payload === '-' ? await readAll(openStdin(), MAX_INPUT_BYTES) : Buffer.from(payload);
  if (bytes === null) throw new CommandFailure(`stdin is larger than ${MAX_INPUT_BYTES} bytes`);
  try {
    const print = await submit(bytes);
    await print();
  } catch (error) {
    if (!(error instanceof TaskFailed)) throw error;
    await printFailure(error, style, context);
    throw failTask(error);
  }
}

async function enqueueLines(submit: Submit, { options, context, producer, style }: Submission): Promise<void> {
  const progress = await createEnqueueProgress(context.out.isTerminal);
  const { promise: brokenOff, reject: breakOff } = Promise.withResolvers<never>();
  let storedCount = 0;
  let readBytes = 0;

  async function start({ bytes }: Line): ReturnType<Submit> {
    if (bytes === null) throw new CommandFailure(`longer than ${MAX_INPUT_BYTES} bytes`);
    return submit(bytes);
  }

  /** Reads no further while too much is outstanding: that bounds the memory of long lines. */
  async function* readAtPace(): AsyncGenerator<Line> {
    for await (const line of readLines(openStdin(), MAX_INPUT_BYTES)) {
      await producer.ready();
      yield line;
    }
  }

  async function finish(outcome: PromiseSettledResult<Awaited<ReturnType<Submit>>>, line: Line): Promise<void> {
    readBytes += (line.bytes?.length ?? 0) + 1;
    if (outcome.status === 'fulfilled') {
      storedCount += 1;
      await outcome.value();
    } else {
      await reportRefusal(outcome.reason, line);
    }
    progress.update(storedCount, readBytes);
  }

  async function reportRefusal(error: unknown, line: Line): Promise<void> {
    // Standard input may be silent for long: the end is not left to its next line.
    if (error instanceof ContactError && endsAll(error)) return breakOff(error);
    if (error instanceof TaskFailed) await printFailure(error, style, context);
    context.exitCode = EXIT.refused;
    const told = error instanceof TaskFailed ? failTask(error) : error;
    context.sayError(told, `line ${line.number}: ${(error as Error).message}`, { index: line.number - 1 });
  }

  try {
    const all = forEachInOrder(readAtPace(), options.wait ? CALL_WINDOW : ENQUEUE_WINDOW, start, finish);
    await Promise.race([all, brokenOff]);
  } finally {
    progress.stop();
  }
}

function toTaskOptions(payload: string | undefined, options: EnqueueOptions): TaskOptions<Uint8Array> {
  const { selector, broadcast, known } = options;
  const given = {
    contentType: options.contentType ?? (payload === '-' && !options.lines ? 'application/octet-stream' : 'text/plain'),
    priority: options.priority,
    delayMs: options.delay,
    runAt: options.at,
    expiresAfterMs: options.expires,
    maxAttempts: options.attempts,
    timeoutMs: options.timeout,
    key: options.key,
    id: options.id,
    metadata: options.metadata,
    backoff: options.backoff,
    clientId: options.client,
    selector: broadcast ? undefined : selector,
    broadcast: broadcast ? { ...(selector && { selector }), known: known === true } : undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
