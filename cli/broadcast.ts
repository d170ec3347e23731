import { type Admin, createAdmin } from '../client/admin.ts';
import type { ConnectionOptions, Producer, EnqueueOptions as TaskOptions, TaskResult } from '../client/index.ts';
import { createObserver, type Observer } from '../client/observer.ts';
import { errorToJson } from '../json/error.ts';
import { type Json, someText } from '../json/plain.ts';
import { outcomeToJson } from '../json/task.ts';
import { ContactError } from '../shared/errors.ts';
import type { CommandContext } from './context.ts';
import { escapeLine, shorten } from './escape.ts';
import { EXIT } from './exit.ts';
import { describeCounts, describeError } from './task.ts';
import { describeValue } from './value.ts';

export interface BroadcastOptions {
  readonly connection: ConnectionOptions;
  readonly producer: Producer<Uint8Array>;
  readonly queue: string;
  readonly payload: Uint8Array;
  readonly taskOptions: TaskOptions<Uint8Array>;
  readonly isJson: boolean;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** Cancel what is not settled when the waiting ends early. */
  readonly isCancelled: boolean;
  readonly context: CommandContext;
}

const MAX_SHOWN = 200;
const CANCEL_REASON = 'the caller gave up';

/**
 * Enqueues a broadcast and prints a line for each child as it settles, then a summary. The exit code is 1 when a child
 * did not succeed.
 * @throws ContactError DEADLINE_EXCEEDED when the signal came first
 */
export async function runBroadcast(options: BroadcastOptions): Promise<void> {
  const { connection, producer, queue, payload, taskOptions, isCancelled, signal } = options;
  const observer = createObserver(connection);
  const admin = createAdmin(connection);
  try {
    // Taken first, so that no child settles unseen; under a key the broadcast may be an older one.
    const place = await takePlace(observer, signal);
    const { id, deduplicated } = await producer.enqueue(queue, payload, { ...taskOptions, signal });
    const from = deduplicated ? 'oldest' : place;
    const isSettled = await printChildren(id, observer.results({ parentId: id, from, signal }), admin, options);
    if (isSettled) return;
    const settled = await describeProgress(id, admin);
    if (isCancelled) await admin.cancelTasks({ ids: [id] }, CANCEL_REASON);
    const rest = isCancelled ? 'the others are being cancelled' : 'the others go on';
    throw new ContactError('DEADLINE_EXCEEDED', `broadcast ${id}: ${settled} when the waiting ended, ${rest}`);
  } finally {
    await observer.close();
    await admin.close();
  }
}

async function takePlace(observer: Observer<unknown>, signal: AbortSignal): Promise<string> {
  let place = '';
  const results = observer.results({ from: 'now', follow: false, signal, onCursor: (cursor) => (place = cursor) });
  for await (const _ of results);
  return place;
}

/** False: the signal ended it before all were settled. */
async function printChildren(
  id: string,
  results: AsyncIterable<TaskResult>,
  admin: Admin,
  { isJson, context }: BroadcastOptions,
): Promise<boolean> {
  const { out } = context;
  for await (const result of results) {
    if (result.taskId === id) {
      await (isJson ? out.writeJson(summaryToJson(result)) : out.write(`${escapeLine(describeSummary(result))}\n`));
      if (result.state !== 'succeeded') context.exitCode = EXIT.refused;
      return true;
    }
    const clientId = result.clientId || (await findClient(result.taskId, admin));
    await (isJson ? out.writeJson(childToJson(result, clientId)) : out.write(`${describeChild(result, clientId)}\n`));
  }
  return false;
}

/** Nobody settled a child that expired or was cancelled in time, but it was meant for somebody. */
async function findClient(taskId: string, admin: Admin): Promise<string> {
  try {
    return (await admin.describeTask(taskId)).targetClientId;
  } catch {
    return '';
  }
}

function childToJson(result: TaskResult, clientId: string): Json {
  return { id: result.taskId, client: someText(clientId), ...outcomeToJson(result) };
}

/** Fields with a tab between them, like a line of `contact results`. */
function describeChild(result: TaskResult, clientId: string): string {
  const detail =
    result.state === 'succeeded'
      ? describeValue(result.bytes, MAX_SHOWN)
      : shorten(escapeLine(describeError(result.error)), MAX_SHOWN);
  return [escapeLine(clientId), result.state, detail].map((field) => field || '-').join('\t');
}

/** The result of a broadcast holds its counts, whatever its state. */
function readCounts({ bytes }: TaskResult): Record<string, number> {
  const counts: unknown = JSON.parse(Buffer.from(bytes).toString());
  return typeof counts === 'object' && counts !== null ? (counts as Record<string, number>) : {};
}

function summaryToJson(result: TaskResult): Json {
  const { children: total = 0, succeeded = 0, failed = 0, cancelled = 0, expired = 0 } = readCounts(result);
  const { taskId, state, error } = result;
  return {
    id: taskId,
    state,
    error: error ? errorToJson(error) : undefined,
    children: { total, succeeded, failed, cancelled, expired },
  };
}

function describeSummary(result: TaskResult): string {
  const { children = 0, ...counts } = readCounts(result);
  return `${children} ${children === 1 ? 'client' : 'clients'}: ${describeCounts(counts)}`;
}

async function describeProgress(id: string, admin: Admin): Promise<string> {
  const { children } = await admin.describeTask(id);
  if (!children) return 'not all clients were done';
  const { total, succeeded, failed, cancelled, expired } = children;
  return `${succeeded + failed + cancelled + expired} of ${total} clients were done`;
}
