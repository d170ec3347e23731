import type { Clock } from '../../shared/clock.ts';
import { cutText } from '../../shared/text.ts';
import type { Capacity } from '../dispatch/receiver.ts';
import type { Deadline } from '../dispatch/timers.ts';
import type { Standing } from '../model/drawer.ts';
import type { Delivery } from '../model/task.ts';
import type { Progress } from '../model/waiting.ts';
import { MAX_WORDS } from '../model/waitingtext.ts';
import type { HeldTask, StartedDelivery } from '../store/sessions.ts';
import type { ByteBudget } from './budget.ts';

/** A delivery that a session has and has not accounted for. */
export interface HeldDelivery {
  readonly taskId: string;
  readonly delivery: number;
  /** 0: none, neither of its own nor of its session. */
  timeoutMs: number;
  /** The task has no attempt after this one. */
  readonly isLast: boolean;
  /** Work has begun; null: nobody has said, so it counts as begun until its client says what has. */
  isStarted: boolean | null;
  /** When that was said; null: it was not; SOME_TIME: an earlier process heard it, or nobody did. */
  startedAt: number | null;
  /**
   * From when its time at the client is counted, by the monotonic clock: its start, or its push until that is told. Of one
   * that an earlier process pushed, when that process claimed it.
   */
  since: number;
  /** The newest that its client has told of it. */
  progress: Progress | null;
  /** Its result is on its way into the store: the credit is free, the delivery is not forgotten. */
  isSettling: boolean;
  /** The server closes the delivery: that is on its way into the store. */
  isEnding: boolean;
  /** The server closed the delivery (timeout, unconfirmed cancel); the client still owes a report of it. */
  isClosed: boolean;
  /** Why the cancel was ordered; null: none was. */
  cancelReason: string | null;
  /** Runs the attempt's timeout, once started. */
  timeout: Deadline | undefined;
  /** Runs the grace of a cancel. */
  grace: Deadline | undefined;
  /** The place in the ledger that took the delivery last, where that looks first; below 0: none has taken it. */
  place: number;
}

/** The start of a delivery of which nobody knows when that was. */
const SOME_TIME = 0;

export function createHeld(
  { taskId, delivery }: Delivery,
  timeoutMs: number,
  isLast: boolean,
  isStarted: boolean | null,
): HeldDelivery {
  return {
    taskId,
    delivery,
    timeoutMs,
    isLast,
    isStarted,
    startedAt: null,
    since: Number.NaN,
    progress: null,
    isSettling: false,
    isEnding: false,
    isClosed: false,
    cancelReason: null,
    timeout: undefined,
    grace: undefined,
    place: -1,
  };
}

/**
 * The entry of a delivery that only the store remembers. Whether it began is not known then, even where the store took
 * it for begun when it counted a loss; only that it did not begin can be.
 */
export function heldOf(task: HeldTask, { now, monotonic }: Pick<Clock, 'now' | 'monotonic'>): HeldDelivery {
  const held = createHeld(task, task.timeoutMs, task.isLast, task.isStarted === false ? false : null);
  held.startedAt = SOME_TIME;
  held.since = monotonic() - Math.max(0, now() - (task.claimedAt ?? now()));
  return held;
}

/** Notes that a delivery has begun: the first word counts. */
export function noteStart(
  held: HeldDelivery,
  isStarted: true | null,
  { now, monotonic }: Pick<Clock, 'now' | 'monotonic'>,
): void {
  held.isStarted = isStarted;
  if (held.startedAt !== null) return;
  held.startedAt = now();
  held.since = monotonic();
}

/** Notes how far it is, with the beginning of what is said of it. */
export function noteProgress(held: HeldDelivery, { fraction, message }: Omit<Progress, 'toldAt'>, now: number): void {
  held.progress = { fraction, message: cutText(message, MAX_WORDS), toldAt: now };
}

/** Takes back that it was held for begun. */
export function forgetStart(held: HeldDelivery): void {
  held.isStarted = false;
  if (held.startedAt !== SOME_TIME) held.startedAt = null;
}

/** When the delivery began, as far as this process knows. */
export function startOf(held: HeldDelivery | undefined): number | null {
  return held?.startedAt || null;
}

/**
 * How long a delivery has run that ends now, in milliseconds; null: an earlier process pushed it, and nobody knows. One whose
 * start its client has not told has begun no sooner than it was pushed, and `quietSince`.
 */
export function runTimeOf(held: HeldDelivery, quietSince: number, monotonicNow: number): number | null {
  if (held.startedAt === SOME_TIME || Number.isNaN(held.since)) return null;
  return Math.max(0, monotonicNow - (held.startedAt === null ? Math.max(held.since, quietSince) : held.since));
}

/** The delivery that has run longest of those that count as begun and are not closed; undefined: there is none. */
export function oldestOf(all: readonly HeldDelivery[]): HeldDelivery | undefined {
  let oldest: HeldDelivery | undefined;
  for (const held of all) {
    if (held.isStarted === false || held.isClosed || held.isSettling) continue;
    if (!oldest || held.since < oldest.since) oldest = held;
  }
  return oldest;
}

/** What is told to the store of a delivery that counts as started. */
export function toStarted(held: HeldDelivery): StartedDelivery {
  return { taskId: held.taskId, delivery: held.delivery, startedAt: startOf(held) };
}

/**
 * Whether a delivery counts as started when its client does not say that it was not. The report of a start may be lost
 * with the line, so at the last attempt a delivery that was pushed counts, lest the task is run once too often.
 */
export function mayHaveStarted({ isStarted, isLast }: HeldDelivery): boolean {
  return isStarted !== false || isLast;
}

/**
 * The accounts of one session: credit, unreceipted bytes, the deliveries that it holds. Pure, no I/O.
 * Bounded by credit and by the byte limit.
 */
export interface Ledger {
  /** The deliveries that the session holds, as a copy. */
  readonly held: readonly HeldDelivery[];
  readonly size: number;
  readonly unreceiptedBytes: number;
  /** Whether the client has shown that it reads: it has seen something of what was sent. */
  readonly isReader: boolean;
  credit: number;
  /** What the session may be given now. */
  capacity(): Capacity;
  /** What keeps it from more, without waiting for it as `capacity` does. */
  readonly standing: Standing;
  hold(held: HeldDelivery): void;
  has(held: HeldDelivery): boolean;
  /** Bytes went down the stream as message `seq`. */
  sent(seq: number, bytes: number): void;
  /** Everything up to `seq` was seen. True: the session may be given more than before. */
  receipt(seq: number): boolean;
  /** A result was handed to the store. */
  beginSettling(held: HeldDelivery): void;
  /** The store did not take the result. */
  stopSettling(held: HeldDelivery): void;
  /** The delivery is accounted for: its credit is free. */
  drop(held: HeldDelivery): void;
  /** Gives back the session's part of the common budget. */
  close(): void;
}

const NO_CAPACITY: Capacity = Object.freeze({ limit: 0, maxBytes: 0, mayExceed: false });

/** @param onCapacity the common budget has something for this session again, after it had nothing */
export function createLedger(credit: number, maxBytes: number, budget: ByteBudget, onCapacity: () => void): Ledger {
  // In no order, since the last takes the place of one that leaves. A set would grow and shrink with each wave of
  // tasks.
  const all: HeldDelivery[] = [];
  const unreceipted: { seq: number; bytes: number }[] = [];
  let bytes = 0;
  let seenBytes = 0;
  let isReader = false;
  let settling = 0;

  function forgetBytes(count: number): void {
    bytes -= count;
    budget.add(-count);
  }

  /** The place of a delivery; below 0: it is not here. The next session of the client may have it too. */
  const placeOf = (one: HeldDelivery): number => (all[one.place] === one ? one.place : all.indexOf(one));

  return {
    credit,
    get held() {
      return all.slice();
    },
    get size() {
      return all.length;
    },
    get unreceiptedBytes() {
      return bytes;
    },
    get isReader() {
      return isReader;
    },

    capacity() {
      const limit = this.credit - (all.length - settling);
      if (limit <= 0 || bytes >= maxBytes) return NO_CAPACITY;
      const allowed = budget.allow({ owedBytes: bytes, seenBytes, isReader }, maxBytes);
      if (!budget.isTrusting) budget.await(onCapacity);
      if (bytes >= allowed.maxBytes) return NO_CAPACITY;
      return { limit, maxBytes: allowed.maxBytes - bytes, mayExceed: bytes === 0 && allowed.mayExceed };
    },

    get standing(): Standing {
      const allowed = budget.allow({ owedBytes: bytes, seenBytes, isReader }, maxBytes);
      const isFull = this.credit - (all.length - settling) <= 0;
      return {
        kind: isFull ? 'full' : bytes >= maxBytes ? 'unread' : bytes < allowed.maxBytes ? 'free' : 'budget',
        credit: this.credit,
        owedBytes: bytes,
        roomBytes: bytes === 0 && allowed.mayExceed ? Number.POSITIVE_INFINITY : allowed.maxBytes - bytes,
      };
    },

    hold(one) {
      if (one.place >= 0 && placeOf(one) >= 0) return;
      one.place = all.length;
      all.push(one);
      if (one.isSettling) settling += 1;
    },

    sent(seq, count) {
      unreceipted.push({ seq, bytes: count });
      bytes += count;
      budget.add(count);
    },

    receipt(seq) {
      let freed = 0;
      while (unreceipted.length > 0 && unreceipted[0]!.seq <= seq) freed += unreceipted.shift()!.bytes;
      seenBytes += freed;
      const isFirst = !isReader;
      isReader = true;
      forgetBytes(freed);
      return freed > 0 || isFirst;
    },

    has: (one) => placeOf(one) >= 0,

    beginSettling(one) {
      if (one.isSettling || placeOf(one) < 0) return;
      one.isSettling = true;
      settling += 1;
    },

    stopSettling(one) {
      if (!one.isSettling) return;
      one.isSettling = false;
      if (placeOf(one) >= 0) settling -= 1;
    },

    drop(one) {
      const place = placeOf(one);
      if (place < 0) return;
      const last = all.pop()!;
      if (last !== one) {
        all[place] = last;
        last.place = place;
      }
      if (one.isSettling) settling -= 1;
    },

    close() {
      budget.forget(onCapacity);
      unreceipted.length = 0;
      forgetBytes(bytes);
    },
  };
}

export function nameOf({ taskId, delivery }: Delivery): string {
  return `${taskId} ${delivery}`;
}
