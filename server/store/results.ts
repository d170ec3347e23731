import type { ResultRecord } from '../model/task.ts';

/** The log of results, read by position. The rules of store.ts hold. */
export interface ResultStore {
  /**
   * Results with a position beyond `after`, in order, at most 500 rows and about 4 MiB. In order means: of one node as
   * its commits came; of several, each node's as its commits came, and the same order for whoever reads.
   */
  readResults(after: number, limit: number): Promise<readonly ResultRecord[]>;

  /** Positions of the results log, of what has one: the newest (0: none yet), and the one before the oldest kept. */
  resultBounds(): Promise<{ readonly newest: number; readonly beforeOldest: number }>;
}
