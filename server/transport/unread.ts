import { ChurnSet } from '../../shared/churn.ts';
import { createCollector } from '../../shared/collect.ts';
import type { Logger } from '../../shared/logger.ts';

/**
 * The part of the budget that ended streams free at least, so that not every message beyond it looks at all streams.
 */
const FREED_SHARE = 1 / 16;
/** A stream that answers, with what was written to it and not taken yet. */
export interface Reader {
  /** Bytes that were added for the reader and not given back. */
  readonly heldBytes: number;
  /** When the reader last took something, or began to have something to take. */
  readonly takenAt: number;
  /** Ends the stream at once, and lets go of what waits for its reader. */
  drop(): void;
}

/** What all streams that answer have written and their readers not taken: one budget for all of them. */
export interface Unread {
  /** Notes that so much was written. Beyond the budget those end that have taken nothing for longest. */
  add(bytes: number): void;
  /** Notes that so much was taken. */
  giveBack(bytes: number): void;
  /** Whether half of the budget is used: then less is to be written ahead. */
  isScarce(): boolean;
  enter(reader: Reader): void;
  /** Takes a reader out, with all that it holds. */
  leave(reader: Reader): void;
}

export interface UnreadOptions {
  readonly budgetBytes: number;
  readonly monotonic: () => number;
  readonly logger: Logger;
}

export function createUnread({ budgetBytes, monotonic, logger }: UnreadOptions): Unread {
  // One reader for each open stream, which is the bound.
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
      if (held <= budgetBytes * (1 - FREED_SHARE)) return;
      leave(reader);
      reader.drop();
    }
  }

  return {
    add(bytes) {
      held += bytes;
      moved += bytes;
      if (held > budgetBytes) endBeyond();
      if (moved <= budgetBytes * FREED_SHARE) return;
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
