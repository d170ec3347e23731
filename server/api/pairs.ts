import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Delivery } from '../model/task.ts';
import type { Session } from '../session/session.ts';

/** getTask calls of one key that wait for their turn. */
const MAX_WAITING = 100;

/** The turn of one getTask stream. */
export interface Turn {
  /** Null: the session is not open yet, or was one of an earlier process. */
  session: Session | null;
  /** The task that was written and not yet answered. */
  held: Delivery | null;
  /** The stream is gone; the turn lasts until the task it left is answered, at most for the window. */
  isStreamOver: boolean;
}

/** Everything a classic client does under one key. */
export interface Pair {
  readonly turn: Turn | null;
  /**
   * Waits until no other getTask of this key is served. False: the key has gone meanwhile. RESOURCE_EXHAUSTED: too many
   * wait.
   */
  waitForTurn(): Promise<Turn | null>;
  /** Looks whether the turn is over, and gives it to the next. */
  checkTurn(): void;
  /** One stream of the key has ended. */
  leave(): void;
}

export interface Pairs {
  /** One more stream of this key; each must `leave()` once. */
  enter(key: string): Pair;
}

export interface PairsOptions {
  readonly clock: Clock;
  /** How long a task whose getTask has ended waits for somebody of its key to tell its result. */
  readonly windowMs: number;
  /** The task that the key was at when an earlier process ended, if its window is not over. */
  readonly findLeft: (key: string) => Delivery | null;
}

/** Pairs the streams of classic clients by key. Bounded by open streams, and tasks left by streams of one window. */
export function createPairs({ clock, windowMs, findLeft }: PairsOptions): Pairs {
  const pairByKey = new Map<string, Pair & { streams: number }>();

  function createPair(key: string): Pair & { streams: number } {
    const waiting: ((turn: Turn | null) => void)[] = [];
    const left = findLeft(key);
    let turn: Turn | null = left && { session: null, held: left, isStreamOver: true };
    let stopWindow: (() => void) | null = null;

    function begin(): Turn {
      turn = { session: null, held: null, isStreamOver: false };
      return turn;
    }

    function pass(): void {
      stopWindow?.();
      stopWindow = null;
      turn = null;
      waiting.shift()?.(begin());
      forget();
    }

    /** Whoever comes after the last stream may yet tell the result of the task that it left. */
    function forget(): void {
      if (pair.streams === 0 && !turn?.held) pairByKey.delete(key);
    }

    const pair = {
      streams: 0,
      get turn() {
        return turn;
      },
      waitForTurn() {
        if (!turn) return Promise.resolve(begin());
        if (waiting.length >= MAX_WAITING) {
          throw new ContactError('RESOURCE_EXHAUSTED', `getTask: ${MAX_WAITING} calls of this client wait already`);
        }
        return new Promise<Turn | null>((resolve) => waiting.push(resolve));
      },
      checkTurn() {
        if (!turn?.isStreamOver) return;
        if (!turn.held) pass();
        // The client that had the task may be dead, whether others live under the same key or not.
        else stopWindow ??= clock.after(windowMs, pass);
      },
      leave() {
        pair.streams -= 1;
        if (pair.streams > 0) return;
        for (const resolve of waiting.splice(0)) resolve(null);
        forget();
      },
    };
    pair.checkTurn();
    return pair;
  }

  return {
    enter(key) {
      const pair = pairByKey.get(key) ?? createPair(key);
      pairByKey.set(key, pair);
      pair.streams += 1;
      return pair;
    },
  };
}
