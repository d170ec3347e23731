/** What a node has counted within some minutes: what is in it is known to who counts. */
export interface HistoryRecord {
  readonly node: string;
  /** Until when, by the wall clock of the node. */
  readonly until: number;
  readonly bytes: Uint8Array;
}

/** One that is to be kept. */
export interface NewHistoryRecord extends HistoryRecord {
  /** From when on it has all that the node knows. */
  readonly from: number;
}

/** What nodes have counted lately, so that they have it after a restart. The rules of store.ts hold. */
export interface HistoryStore {
  /**
   * Keeps a record, in the place of all of the same node that end after its `from`; of what every node has kept forgets what
   * ended before `keptFrom`.
   */
  keepHistory(record: NewHistoryRecord, keptFrom: number): Promise<void>;

  /** What a node has kept since then, the newest first. */
  listHistory(node: string, since: number): Promise<readonly HistoryRecord[]>;
}
