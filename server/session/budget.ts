import { ChurnSet } from '../../shared/churn.ts';
import type { Collector } from '../../shared/collect.ts';

/** What a session may owe beyond the first half of the budget, whatever it has shown. */
export const SHARE_BYTES = 64 << 10;
/** The same as a part of the budget, for one that is small. */
const SHARE_OF_LIMIT = 1 / 64;

/** Parts of the limit at which something is not given any more, and at which it is given again. */
const STEPS = {
  /** Beyond this only those get something who have shown that they read: others can take no more than this together. */
  trusting: [1 / 2, 3 / 8],
  /** The rest is a reserve for sessions that read and owe nothing. */
  full: [7 / 8, 3 / 4],
  /** The second half of the reserve is for shares alone. */
  scarce: [15 / 16, 7 / 8],
  spent: [1, 15 / 16],
} as const;

/** How much has to be let go of before the collector hears of it, as a part of the budget. */
const MOVED_SHARE = 1 / 16;
/** What a written task leaves as garbage: its payload and its message, of which the socket waits with a copy. */
const COPIES = 2;
/** The part of the budget below which the garbage of what was written is left to V8. */
const COLLECTED_SHARE = 1 / 8;

/** What a session owes the budget, and what it has shown. */
export interface BudgetUse {
  /** Bytes that it has not seen yet. */
  readonly owedBytes: number;
  /** Bytes that it has seen. */
  readonly seenBytes: number;
  /** Whether it has given a receipt or, a plain one, its socket has taken tasks. */
  readonly isReader: boolean;
}

/** What a session may be given now. */
export interface Allowance {
  /** How many bytes it may owe. */
  readonly maxBytes: number;
  /** One task may be larger, where nothing is owed. */
  readonly mayExceed: boolean;
}

/**
 * Bytes written to all sessions and not seen yet: those of full sessions until their receipt, those of plain ones until
 * the socket has taken them. What many sessions owe together is bounded, however little each of them does, and those
 * who do not read cannot lock out those who do:
 *
 * - below a half of the limit each session may owe all that a session may;
 * - above it a session that owes nothing has a share, and one that reads may owe as much as it has seen, and a share;
 * - the last eighth is a reserve: of it a session that reads and owes nothing has a share or one larger task;
 * - at the limit nothing is given.
 *
 * It frees itself: receipts come, and a session whose receipt is overdue is ended (`Session.checkLiveness`), sooner
 * while others wait for what it owes.
 */
export interface ByteBudget {
  readonly used: number;
  /** Whether nothing but the reserve is left. */
  readonly isFull: boolean;
  /** Whether each session may owe all that a session may, also one that has not shown that it reads. */
  readonly isTrusting: boolean;
  add(bytes: number): void;
  allow(standing: BudgetUse, maxBytes: number): Allowance;
  /** Calls `listener` once, when more is given than now. */
  await(listener: () => void): void;
  /** The session of this listener has gone, and waits no more. */
  forget(listener: () => void): void;
}

const NOTHING: Allowance = Object.freeze({ maxBytes: 0, mayExceed: false });

/** @param collector hears of what was let go of while much is owed: copies of what was written, what was seen or given up */
export function createByteBudget(limit: number, collector?: Collector): ByteBudget {
  const steps = { trusting: false, full: false, scarce: false, spent: false };
  const names = Object.keys(STEPS) as (keyof typeof STEPS)[];
  // One listener for each session, which is the bound.
  let waiting = new ChurnSet<() => void>();
  let used = 0;
  /** Bytes that were let go of since the collector heard of some. */
  let moved = 0;
  /** The most that was owed meanwhile. */
  let most = 0;
  /** Between these two no step changes. */
  let next = limit * STEPS.trusting[0];
  let before = Number.NEGATIVE_INFINITY;

  function step(): void {
    let isMore = false;
    next = Number.POSITIVE_INFINITY;
    before = Number.NEGATIVE_INFINITY;
    for (const name of names) {
      const [at, again] = STEPS[name];
      if (steps[name] && used <= limit * again) {
        steps[name] = false;
        isMore = true;
      } else if (used >= limit * at) steps[name] = true;
      if (steps[name]) before = Math.max(before, limit * again);
      else next = Math.min(next, limit * at);
    }
    if (!isMore) return;
    const told = waiting;
    waiting = new ChurnSet();
    for (const listener of told) listener();
  }

  function tell(): void {
    if (most > limit * COLLECTED_SHARE) collector?.pass(moved);
    moved = 0;
    most = used;
  }

  return {
    get used() {
      return used;
    },
    get isFull() {
      return steps.full;
    },
    get isTrusting() {
      return !steps.trusting;
    },

    add(bytes) {
      used += bytes;
      if (used >= next || used <= before) step();
      if (used > most) most = used;
      moved += bytes < 0 ? -bytes : COPIES * bytes;
      if (moved > limit * MOVED_SHARE) tell();
    },

    allow({ owedBytes, seenBytes, isReader }, maxBytes) {
      if (!steps.trusting) return { maxBytes, mayExceed: true };
      if (steps.spent) return NOTHING;
      const share = Math.min(SHARE_BYTES, limit * SHARE_OF_LIMIT, maxBytes);
      if (owedBytes === 0) {
        if (!steps.full) return { maxBytes: share, mayExceed: isReader };
        return isReader ? { maxBytes: share, mayExceed: !steps.scarce } : NOTHING;
      }
      if (steps.full || !isReader) return NOTHING;
      return { maxBytes: Math.min(share + seenBytes, maxBytes), mayExceed: false };
    },

    await: (listener) => void waiting.add(listener),
    forget: (listener) => void waiting.delete(listener),
  };
}
