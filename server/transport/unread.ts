import { ChurnSet } from '../../shared/churn.ts';
import type { Logger } from '../../shared/logger.ts';
import { createCollector } from './collect.ts';

/** What is ended makes so much room at least, so that not every message beyond the budget looks at all streams. */
const ROOM_SHARE = 1 / 16;
/** A stream that answers, with what was written to it and not taken yet. */
export interface Reader {
  /** What was added for it and not given back. */
  readonly heldBytes: number;
  /** When it last took something, or began to have something to take. */
  readonly takenAt: number;
  /** Ends it at once, and lets go of what waits for it. */
  drop(): void;
}

/** What all streams that answer have written and their readers not taken: one budget for all of them. */
export interface Unread {
  /** So much was written. Beyond the budget those end that have taken nothing for longest. */
  add(bytes: number): void;
  /** So much was taken. */
  giveBack(bytes: number): void;
  /** Half of the budget is used: less is to be written ahead. */
  isScarce(): boolean;
  enter(reader: Reader): void;
  /** Gives back what it holds. */
  leave(reader: Reader): void;
}

export interface UnreadOptions {
  readonly budgetBytes: number;
  readonly monotonic: () => number;
  readonly logger: Logger;
}

export function createUnread({ budgetBytes, monotonic, logger }: UnreadOptions): Unread {
  // Bounded by open calls.
  const readers = new ChurnSet<Reader>();
  const collector = createCollector(monotonic);
  let held = 0;
  let moved = 0;

  function leave(reader: Reader): void {
    if (readers.delete(reader)) held -= reader.heldBytes;
  }

  function endBeyond(): void {
    logger.warn({ held, budgetBytes }, 'unread answers of streams take too much: who has not read for longest ends');
    const standing = [...readers].filter(({ heldBytes }) => heldBytes > 0).sort((a, b) => a.takenAt - b.takenAt);
    for (const reader of standing) {
      if (held <= budgetBytes * (1 - ROOM_SHARE)) return;
      leave(reader);
      reader.drop();
    }
  }

  return {
    add(bytes) {
      held += bytes;
      moved += bytes;
      if (held > budgetBytes) endBeyond();
      if (moved <= budgetBytes * ROOM_SHARE) return;
      if (held > budgetBytes / 4) collector.pass(moved);
      moved = 0;
    },
    giveBack(bytes) {
      held -= bytes;
    },
    isScarce: () => held > budgetBytes / 2,
    enter: (reader) => void readers.add(reader),
    leave,
  };
}
