/** What a batch is refused by of who has filled the disk, while the rest of it is left to others. */
export const DISK_FIELD = 'disk';

/** What a store takes of its disk, and what that has left. */
export interface StoreSpace {
  /** Bytes of the database. */
  readonly bytes: number;
  /** Bytes of the log before the database, of which a part may be in the database already. */
  readonly logBytes: number;
  /** Bytes that are free on the disk. */
  readonly freeBytes: number;
  /** With less than that free, new tasks are refused. */
  readonly minFreeBytes: number;
}
