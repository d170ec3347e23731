import type { ActRecord, NewAct } from '../model/act.ts';

/** Who does something, and when: what it changes is told of by `listActs`. */
export interface Actor {
  /** As `nameCaller` has it; empty: nobody, and it is told of nowhere. */
  readonly by: string;
  readonly now: number;
}

/**
 * What operators have ordered: the newest, in the order in which they were done, for 10,000 acts at most. Of each it is kept by
 * the commit that does it who did what; those that nobody is named for are not kept. Beyond that the oldest go of whoever has
 * the most, so that nobody pushes out the acts of others by many of his own. The rules of store.ts hold.
 */
export interface ActStore {
  /** The newest first: those of a number below `before` (null: from the newest on), at `since` or after it. */
  listActs(before: number | null, since: number, limit: number): Promise<readonly ActRecord[]>;

  /** Keeps an act that the store has no part in. */
  noteAct(act: NewAct): Promise<void>;
}
