import { toBinary } from '@bufbuild/protobuf';
import { type NewTask, NewTaskSchema } from '../gen/contact/v1/task_pb.ts';
import { ContactError } from '../shared/errors.ts';
import { tooMuch } from './newtask.ts';

/** What stands before each task of a message: its tag and its length. */
const FIELD_BYTES = 6;

/** What became of a task that was enqueued. */
export interface Enqueued {
  /** Id of the stored task: the one that was given or drawn, or that of the task which has the key. */
  readonly id: string;
  /** The task was there already, with the same content or under the same key. */
  readonly deduplicated: boolean;
}

/** Who waits for a task, or for a whole batch, to be stored. */
export interface Waiter<T> {
  resolve(value: T): void;
  reject(error: ContactError): void;
  /** The caller has gone: nothing is sent for it any more. */
  isAbandoned?: boolean;
  /** What it waits for has had room, and is sent as soon as there is a line. */
  isGathered?: boolean;
}

/** What is stored together or not at all. */
export interface Batch {
  tasks: NewTask[];
  bytes: number;
  /** `each`: tasks that happened to come together, one waiter for each. `whole`: one caller's own batch. */
  waiters:
    | { readonly kind: 'each'; list: Waiter<Enqueued>[] }
    | { readonly kind: 'whole'; readonly waiter: Waiter<Enqueued[]> };
  /** Monotonic instant of the first refusal that was worth waiting for; null: none. */
  refusedAt: number | null;
  /** How often a connection broke while this batch was on its way, the first time perhaps by another's fault. */
  cuts: number;
  /** The results are wanted too: these are tasks of calls. */
  readonly isAwaited: boolean;
}

export interface BatchLimits {
  readonly maxTasks: number;
  readonly maxBytes: number;
}

/** Gathers single tasks into batches, in order; the caller says when a turn is over. */
export class Gatherer {
  readonly #limits: BatchLimits;
  #ready: Batch[] = [];
  #open: Batch | null = null;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  /** @param isAwaited the result is wanted too; the same for all that goes through one gatherer */
  add(task: NewTask, bytes: number, waiter: Waiter<Enqueued>, isAwaited = false): void {
    const open = this.#open;
    const isFull = open && (open.tasks.length >= this.#limits.maxTasks || open.bytes + bytes > this.#limits.maxBytes);
    // The contract wants a broadcast alone in its batch.
    const isAlone = task.target.case === 'broadcast';
    if (open && !isFull && !isAlone && open.waiters.kind === 'each') {
      open.tasks.push(task);
      open.bytes += bytes;
      open.waiters.list.push(waiter);
      return;
    }
    const waiters = { kind: 'each' as const, list: [waiter] };
    const batch: Batch = { tasks: [task], bytes, waiters, refusedAt: null, cuts: 0, isAwaited };
    this.#open = isAlone ? null : batch;
    this.#ready.push(batch);
  }

  addWhole(tasks: NewTask[], bytes: number, waiter: Waiter<Enqueued[]>): void {
    this.#open = null;
    this.#ready.push({ tasks, bytes, waiters: { kind: 'whole', waiter }, refusedAt: null, cuts: 0, isAwaited: false });
  }

  /** Everything since the last call. */
  take(): Batch[] {
    const ready = this.#ready;
    this.#ready = [];
    this.#open = null;
    return ready;
  }
}

/** @param ids as acknowledged: empty when every task keeps its own; @param deduplicated places in the batch */
export function resolveBatch(batch: Batch, ids: readonly string[], deduplicated: readonly number[]): void {
  const again = new Set(deduplicated);
  const enqueued = (task: NewTask, place: number): Enqueued => ({
    id: ids[place] || task.id,
    deduplicated: again.has(place),
  });
  const { tasks, waiters } = batch;
  if (waiters.kind === 'whole') waiters.waiter.resolve(tasks.map(enqueued));
  else
    for (let place = 0; place < tasks.length; place += 1) waiters.list[place]!.resolve(enqueued(tasks[place]!, place));
}

export function rejectBatch({ waiters }: Batch, error: ContactError): void {
  if (waiters.kind === 'whole') waiters.waiter.reject(error);
  else for (const waiter of waiters.list) waiter.reject(error);
}

/**
 * Why a batch cannot go to a server that takes messages of so many bytes: such a message would end the stream, and with
 * it delay all others. Undefined: it can.
 */
export function refuseLarge({ tasks, bytes, waiters }: Batch, maxBytes: number): ContactError | undefined {
  // The estimate is not too small; the message itself is looked at only where that is too large.
  if (bytes <= maxBytes) return undefined;
  let size = 0;
  for (const [place, task] of tasks.entries()) {
    size += FIELD_BYTES + toBinary(NewTaskSchema, task).byteLength;
    if (size > maxBytes) return tooMuch(waiters.kind === 'whole' ? `tasks[${place}]` : 'task', place, size, maxBytes);
  }
  return undefined;
}

/** One batch for each task, so that a refusal hits only the guilty; empty: this batch stands and falls as a whole. */
export function splitBatch({ tasks, bytes, waiters, refusedAt, cuts, isAwaited }: Batch): Batch[] {
  if (waiters.kind === 'whole' || tasks.length === 1) return [];
  // Only the sum of the bytes has to be right: the window counts them all.
  const share = Math.ceil(bytes / tasks.length);
  return tasks.map((task, place) => ({
    tasks: [task],
    bytes: place < tasks.length - 1 ? share : bytes - share * (tasks.length - 1),
    waiters: { kind: 'each', list: [waiters.list[place]!] },
    refusedAt,
    cuts: Math.min(cuts, 1),
    isAwaited,
  }));
}

/**
 * How often a batch may be alone on a stream that breaks. More often by chance is not likely, and others wait behind
 * it.
 */
const MAX_CUTS = 8;
const SPLIT_CUTS = 2;

/**
 * Judges the batches that were on their way when a connection broke: answers what to send again, each alone, and
 * refuses the one that breaks every connection.
 */
export function judgeCut(sent: readonly Batch[], reason: string, settle: (b: Batch, error: ContactError) => void) {
  const [first] = sent;
  if (!first || sent.length > 1) return sent.map((batch) => Object.assign(batch, { cuts: Math.max(batch.cuts, 1) }));
  first.cuts += 1;
  const parts = first.cuts >= SPLIT_CUTS ? splitBatch(first) : [];
  if (parts.length > 0) return parts;
  if (first.cuts < MAX_CUTS) return [first];
  const what = `the connection broke ${first.cuts} times while this was sent (${first.bytes} bytes), at last: ${reason}`;
  settle(first, new ContactError('UNAVAILABLE', `${what}; is there a limit on the way, as of a proxy?`));
  return [];
}

/** Takes tasks whose callers have gone out of a batch; answers how many. */
export function pruneBatch(batch: Batch): number {
  const { waiters, tasks } = batch;
  if (waiters.kind === 'whole') {
    if (waiters.waiter.isAbandoned) batch.tasks = [];
  } else if (waiters.list.some((waiter) => waiter.isAbandoned)) {
    batch.tasks = tasks.filter((_, place) => !waiters.list[place]!.isAbandoned);
    waiters.list = waiters.list.filter((waiter) => !waiter.isAbandoned);
  }
  return tasks.length - batch.tasks.length;
}
