import { ContactError } from '../../../../shared/errors.ts';

/** What an error of SQLite means to the group that met it. */
export type Fault =
  /** The group is refused and changed nothing; worth trying again. */
  | { readonly kind: 'refused'; readonly error: ContactError }
  /** What is on disk is no longer known: the process must end. */
  | { readonly kind: 'fatal' }
  /** Ours: the transaction is rolled back and the culprit found. */
  | { readonly kind: 'bug' };

const BUSY = 5;
const LOCKED = 6;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/** The index of the WAL, which is rebuilt when it is gone, could not grow: with the disk full this comes before FULL. */
const IOERR_SHMSIZE = IOERR | (19 << 8);

export function faultOf(error: unknown): Fault {
  const code = sqliteCode(error);
  if (code === FULL || extendedCode(error) === IOERR_SHMSIZE) {
    return {
      kind: 'refused',
      error: new ContactError('RESOURCE_EXHAUSTED', 'store: the disk is full', { retryAfterMs: 1_000, cause: error }),
    };
  }
  if (code === BUSY || code === LOCKED) {
    return {
      kind: 'refused',
      error: new ContactError('UNAVAILABLE', 'store: the database is locked', { retryAfterMs: 100, cause: error }),
    };
  }
  if (code === IOERR || code === CORRUPT || code === CANTOPEN || code === NOTADB) return { kind: 'fatal' };
  return { kind: 'bug' };
}

/** The primary result code; undefined: not an error of SQLite. */
export function sqliteCode(error: unknown): number | undefined {
  const code = extendedCode(error);
  return code === undefined ? undefined : code & 0xff;
}

function extendedCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode;
}
