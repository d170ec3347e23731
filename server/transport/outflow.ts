import type { Clock } from '../../shared/clock.ts';
import { type Patience, patienceMs } from '../session/liveness.ts';
import type { AnsweringCall } from './answering.ts';
import { type Line, sharedBytes } from './line.ts';
import type { Reader, Unread } from './unread.ts';

/** Bytes written and not yet taken by the reader; beyond them the writer waits. A larger single message goes alone. */
const MAX_PENDING_BYTES = 1 << 20;
/**
 * The same while much waits for all readers, so that readers which do read, be they many, do not fill the common
 * budget.
 */
const SCARCE_PENDING_BYTES = 64 << 10;
const MAX_PENDING = 16;

const END_EVENTS = ['cancelled', 'close', 'error', 'finish'] as const;

/** What is written to one reader: bounded, and ended when the reader takes nothing of it for too long, full or not. */
export interface Outflow<T> {
  /**
   * Writes in any case. False: wait for `hasRoom` before the next. `onTaken`: the reader has it; not if the call ends.
   */
  write(message: T, bytes: number, onTaken?: () => void): boolean;
  /**
   * Waits until more may be written, for as long as the reader takes something now and then. False: the call is over.
   */
  hasRoom(): Promise<boolean>;
  /**
   * From now on writes `make()` whenever nothing was written for a ping interval and nothing waits to be taken: proxies
   * cut response streams that are idle, and a reader behind one hears that the server is there.
   */
  keep(make: () => T): void;
}

/** Bytes of a message that means nothing, about. */
const EMPTY_BYTES = 32;
/** What a message costs: its bytes and what they were written from, and about so much beside. */
const COPIES = 2;
const MESSAGE_BYTES = 512;

const weigh = (bytes: number): number => COPIES * bytes + MESSAGE_BYTES;

export interface OutflowOptions<T> {
  readonly call: AnsweringCall<T>;
  readonly isOver: () => boolean;
  readonly clock: Clock;
  readonly patience: Patience;
  /** The connection of the call, as it is now. */
  readonly line: () => Line;
  /** Ends the call, since its reader is stuck. */
  readonly onStuck: () => void;
  /** What all readers have not taken, this one among them. */
  readonly unread: Unread;
  /** Resets the call: all readers together take too little, and this one has taken nothing for longest. */
  readonly onDrop: () => void;
}

export function createOutflow<T>(options: OutflowOptions<T>): Outflow<T> {
  const { call, isOver, clock, patience, line, onStuck, unread, onDrop } = options;
  /** Sizes in order; the first is the one that the reader is at. Bounded by the writer, who waits. */
  const pending: number[] = [];
  let pendingBytes = 0;
  let takenAt = 0;
  let lineBefore = line();
  let waiting: PromiseWithResolvers<boolean> | undefined;
  let stopLooking: (() => void) | undefined;
  let isDoubted = false;
  let wroteAt = clock.monotonic();
  let stopKeeping: (() => void) | undefined;

  let isCounted = true;
  const reader: Reader = {
    get heldBytes() {
      return COPIES * pendingBytes + MESSAGE_BYTES * pending.length;
    },
    get takenAt() {
      return takenAt;
    },
    drop() {
      isCounted = false;
      onDrop();
    },
  };
  unread.enter(reader);

  const isFull = (): boolean =>
    pending.length >= MAX_PENDING || pendingBytes >= (unread.isScarce() ? SCARCE_PENDING_BYTES : MAX_PENDING_BYTES);

  function settle(isAlive: boolean): void {
    waiting?.resolve(isAlive);
    waiting = undefined;
  }

  function leave(): void {
    if (isCounted) unread.leave(reader);
    isCounted = false;
    stopKeeping?.();
    stopLooking?.();
    settle(false);
  }

  function begin(): void {
    takenAt = clock.monotonic();
    lineBefore = line();
    isDoubted = false;
  }

  function take(): void {
    const bytes = pending.shift() ?? 0;
    pendingBytes -= bytes;
    if (isCounted) unread.giveBack(weigh(bytes));
    begin();
    if (waiting && !isFull()) settle(true);
  }

  function whenTaken(onTaken: () => void): void {
    take();
    onTaken();
  }

  /** Sets the next look. Looks go on while something is pending, and once after that: not a timer for each message. */
  function lookAfter(ms: number): void {
    stopLooking = clock.after(Math.min(ms, patienceMs(patience, 0)), look);
  }

  function look(): void {
    stopLooking = undefined;
    if (pending.length === 0) return;
    const passedMs = clock.monotonic() - takenAt;
    const ownMs = patienceMs(patience, pending[0]!);
    // The line is shared: what others took of it meanwhile, this reader could not.
    const sharedMs = passedMs < ownMs ? 0 : patienceMs(patience, pending[0]! + sharedBytes(lineBefore, line()));
    if (passedMs < ownMs) {
      lookAfter(ownMs - passedMs);
    } else if (passedMs < sharedMs) {
      isDoubted = false;
      // If the reader is to blame, the line is free again before that time is over.
      lookAfter(Math.min(sharedMs - passedMs, patience.pingIntervalMs));
    } else if (!isDoubted) {
      // After a pause of the process the reader may have taken something that we have not heard of yet.
      isDoubted = true;
      lookAfter(patience.pingIntervalMs / 20);
    } else {
      onStuck();
      settle(false);
    }
  }

  // All ends are listened for, since grpc-js calls back no writer of a call that was cancelled.
  for (const event of END_EVENTS) call.on(event, leave);

  function write(message: T, bytes: number, onTaken?: () => void): boolean {
    if (isOver()) return false;
    wroteAt = clock.monotonic();
    if (pending.length === 0) begin();
    pending.push(bytes);
    pendingBytes += bytes;
    call.write(message, onTaken ? () => whenTaken(onTaken) : take);
    if (!stopLooking) lookAfter(patienceMs(patience, bytes));
    if (isCounted) unread.add(weigh(bytes));
    return !isFull();
  }

  return {
    write,

    keep(make) {
      const { pingIntervalMs } = patience;
      const look = (): void => {
        if (isOver()) return;
        if (pending.length === 0 && clock.monotonic() - wroteAt >= pingIntervalMs) write(make(), EMPTY_BYTES);
        stopKeeping = clock.after(Math.max(1, wroteAt + pingIntervalMs - clock.monotonic()), look);
      };
      stopKeeping = clock.after(pingIntervalMs, look);
    },

    hasRoom() {
      if (isOver()) return Promise.resolve(false);
      if (!isFull()) return Promise.resolve(true);
      waiting ??= Promise.withResolvers();
      return waiting.promise;
    },
  };
}
