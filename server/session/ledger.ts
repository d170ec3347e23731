import type { Room } from '../dispatch/receiver.ts';
import type { Deadline } from '../dispatch/timers.ts';
import type { Delivery } from '../model/task.ts';
import type { HeldTask } from '../store/sessions.ts';
import type { ByteBudget } from './budget.ts';

/** A delivery that a session has and has not accounted for. */
export interface Held {
  readonly taskId: string;
  readonly delivery: number;
  readonly timeoutMs: number;
  /** The task has no attempt after this one. */
  readonly isLast: boolean;
  /** Work has begun; null: nobody has said, so it counts as begun until its client says what has. */
  isStarted: boolean | null;
  /** Its result is on its way into the store: the credit is free, the delivery is not forgotten. */
  isSettling: boolean;
  /** The server's own word about it, that closes it, is on its way into the store. */
  isEnding: boolean;
  /** The server closed it (timeout, unconfirmed cancel); the client still owes a word about it. */
  isClosed: boolean;
  /** Why its cancel was ordered; null: it was not. */
  cancelReason: string | null;
  /** Runs the attempt's timeout, once started. */
  timeout: Deadline | undefined;
  /** Runs the grace of a cancel. */
  grace: Deadline | undefined;
  /** Where it is in the ledger that took it last, which is where that looks first; below 0: none has. */
  place: number;
}

export function createHeld(
  { taskId, delivery }: Delivery,
  timeoutMs: number,
  isLast: boolean,
  isStarted: boolean | null,
): Held {
  return {
    taskId,
    delivery,
    timeoutMs,
    isLast,
    isStarted,
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
 * The entry of a delivery that only the store remembers. Whether it began is not known then, even where the store took it
 * for begun when it counted a loss; only that it did not begin can be.
 */
export function heldOf(task: HeldTask): Held {
  return createHeld(task, task.timeoutMs, task.isLast, task.isStarted === false ? false : null);
}

/**
 * Whether a delivery counts as started when its client does not say that it was not. A word of its start may be lost
 * with the line, so at the last attempt a delivery that was pushed counts, lest the task is run once too often.
 */
export function mayHaveBegun({ isStarted, isLast }: Held): boolean {
  return isStarted !== false || isLast;
}

/**
 * The books of one session: credit, unreceipted bytes, what it holds. Pure bookkeeping, no I/O.
 * Bounded by credit and by the byte limit.
 */
export interface Ledger {
  /** A copy. */
  readonly held: readonly Held[];
  readonly size: number;
  readonly unreceiptedBytes: number;
  /** It has shown that it reads: something of it was seen. */
  readonly isReader: boolean;
  credit: number;
  /** What it may be given now. */
  room(): Room;
  hold(held: Held): void;
  has(held: Held): boolean;
  /** Bytes went down the stream as message `seq`. */
  sent(seq: number, bytes: number): void;
  /** Everything up to `seq` was seen. True: it may be given more than before. */
  receipt(seq: number): boolean;
  /** A result was handed to the store. */
  beginSettling(held: Held): void;
  /** The store did not take it. */
  stopSettling(held: Held): void;
  /** Accounted for. */
  drop(held: Held): void;
  /** Gives back the session's part of the common budget. */
  close(): void;
}

const NO_ROOM: Room = Object.freeze({ limit: 0, maxBytes: 0, mayExceed: false });

/** @param onRoom the common budget has room again, after it had none for this session */
export function createLedger(credit: number, maxBytes: number, budget: ByteBudget, onRoom: () => void): Ledger {
  // In no order: the last takes the place of one that leaves. A set would grow and shrink with each wave of tasks.
  const all: Held[] = [];
  const unreceipted: { seq: number; bytes: number }[] = [];
  let bytes = 0;
  let seenBytes = 0;
  let isReader = false;
  let settling = 0;

  function forgetBytes(count: number): void {
    bytes -= count;
    budget.add(-count);
  }

  /** Below 0: it is not here. The client's next session may have it too. */
  const placeOf = (one: Held): number => (all[one.place] === one ? one.place : all.indexOf(one));

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

    room() {
      const limit = this.credit - (all.length - settling);
      if (limit <= 0 || bytes >= maxBytes) return NO_ROOM;
      const allowed = budget.allow({ owedBytes: bytes, seenBytes, isReader }, maxBytes);
      if (!budget.isTrusting) budget.await(onRoom);
      if (bytes >= allowed.maxBytes) return NO_ROOM;
      return { limit, maxBytes: allowed.maxBytes - bytes, mayExceed: bytes === 0 && allowed.mayExceed };
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
      budget.forget(onRoom);
      unreceipted.length = 0;
      forgetBytes(bytes);
    },
  };
}

export function nameOf({ taskId, delivery }: Delivery): string {
  return `${taskId} ${delivery}`;
}
