import { ChurnSet } from '../../shared/churn.ts';

/** Of the limit: once it was reached, nothing is given before so much of it is free again. */
const FREE_AGAIN = 1 / 8;

/**
 * Bytes written to all sessions and not seen yet: those of full sessions until their receipt, those of plain ones until
 * the socket has taken them. At its limit nothing is claimed for anybody, so what many sessions owe together is
 * bounded, however little each of them does. It frees itself: receipts come, and a session whose receipt is overdue is
 * ended (`Session.checkLiveness`), sooner while the budget is full.
 */
export interface ByteBudget {
  readonly used: number;
  readonly isFull: boolean;
  add(bytes: number): void;
  /** Calls `listener` once, when it is not full any more. */
  await(listener: () => void): void;
  /** Who waits has gone. */
  forget(listener: () => void): void;
}

export function createByteBudget(limit: number): ByteBudget {
  const again = limit * (1 - FREE_AGAIN);
  // Bounded by the sessions.
  let waiting = new ChurnSet<() => void>();
  let used = 0;
  let isFull = false;

  return {
    get used() {
      return used;
    },
    get isFull() {
      return isFull;
    },
    add(bytes) {
      used += bytes;
      if (used >= limit) isFull = true;
      if (!isFull || used > again) return;
      isFull = false;
      const told = waiting;
      waiting = new ChurnSet();
      for (const listener of told) listener();
    },
    await: (listener) => void waiting.add(listener),
    forget: (listener) => void waiting.delete(listener),
  };
}
