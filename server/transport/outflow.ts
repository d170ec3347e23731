import type { Clock } from '../../shared/clock.ts';
import { type Patience, patienceMs } from '../session/liveness.ts';
import type { AnsweringCall } from './answering.ts';
import { type Line, sharedBytes } from './line.ts';

/** Written and not yet taken by the reader; beyond it the writer waits. A larger single message goes alone. */
const MAX_PENDING_BYTES = 1 << 20;
const MAX_PENDING = 16;

const END_EVENTS = ['cancelled', 'close', 'error', 'finish'] as const;

/** What is written to one reader: bounded, and ended when the reader takes nothing for too long. */
export interface Outflow<T> {
  /** Writes in any case. False: wait for `hasRoom` before the next. */
  write(message: T, bytes: number): boolean;
  /** Waits for room, at most as long as the reader takes something now and then. False: the call is over. */
  hasRoom(): Promise<boolean>;
  /**
   * From now on writes `make()` whenever nothing was written for a ping interval and nothing waits to be taken: proxies
   * cut response streams that are idle, and a reader behind one hears that the server is there.
   */
  keep(make: () => T): void;
}

/** A message that means nothing, about. */
const EMPTY_BYTES = 32;

export interface OutflowOptions<T> {
  readonly call: AnsweringCall<T>;
  readonly isOver: () => boolean;
  readonly clock: Clock;
  readonly patience: Patience;
  /** The connection of the call, as it is now. */
  readonly line: () => Line;
  /** The reader is stuck: ends the call. */
  readonly onStuck: () => void;
}

export function createOutflow<T>({ call, isOver, clock, patience, line, onStuck }: OutflowOptions<T>): Outflow<T> {
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

  const isFull = (): boolean => pending.length >= MAX_PENDING || pendingBytes >= MAX_PENDING_BYTES;

  function settle(isAlive: boolean): void {
    stopLooking?.();
    waiting?.resolve(isAlive);
    waiting = undefined;
  }

  function begin(): void {
    takenAt = clock.monotonic();
    lineBefore = line();
    isDoubted = false;
  }

  function take(): void {
    pendingBytes -= pending.shift() ?? 0;
    begin();
    if (waiting && !isFull()) settle(true);
  }

  function look(): void {
    const passedMs = clock.monotonic() - takenAt;
    const ownMs = patienceMs(patience, pending[0] ?? 0);
    // The line is shared: what others took of it meanwhile, this reader could not.
    const sharedMs = passedMs < ownMs ? 0 : patienceMs(patience, (pending[0] ?? 0) + sharedBytes(lineBefore, line()));
    if (passedMs < ownMs) {
      stopLooking = clock.after(ownMs - passedMs, look);
    } else if (passedMs < sharedMs) {
      isDoubted = false;
      // The line has room before that time is over, if the reader is to blame.
      stopLooking = clock.after(Math.min(sharedMs - passedMs, patience.pingIntervalMs), look);
    } else if (!isDoubted) {
      // After a pause of the process it may have taken something that we have not heard of yet.
      isDoubted = true;
      stopLooking = clock.after(patience.pingIntervalMs / 20, look);
    } else {
      onStuck();
      settle(false);
    }
  }

  // grpc-js tells no writer of a call that was cancelled.
  for (const event of END_EVENTS) {
    call.on(event, () => {
      stopKeeping?.();
      settle(false);
    });
  }

  function write(message: T, bytes: number): boolean {
    if (isOver()) return false;
    wroteAt = clock.monotonic();
    if (pending.length === 0) begin();
    pending.push(bytes);
    pendingBytes += bytes;
    call.write(message, take);
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
      if (!waiting) {
        waiting = Promise.withResolvers();
        look();
      }
      return waiting.promise;
    },
  };
}
