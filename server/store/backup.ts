/** A copy of all that a store had at one moment, to be carried elsewhere. */
export interface Backup {
  /** The size of the copy. */
  readonly bytes: number;
  /** The copy from its beginning, in pieces of at most 256 KiB. */
  read(): AsyncIterable<Uint8Array>;
  /** Lets go of the copy, read or not. */
  close(): Promise<void>;
}
