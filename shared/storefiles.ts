interface StoreFile {
  /** What its name has after that of the store's file. */
  readonly ending: string;
  /** Whoever reads it has tasks, credentials or a key of the store: it is for its owner alone. */
  readonly isSecret: boolean;
}

/** What a server has in the folder of a store, the store itself included. */
const STORE_FILES = {
  database: { ending: '', isSecret: true },
  writeAheadLog: { ending: '-wal', isSecret: true },
  sharedMemory: { ending: '-shm', isSecret: true },
  journal: { ending: '-journal', isSecret: true },
  copy: { ending: '.copying', isSecret: true },
  restored: { ending: '.restoring', isSecret: true },
  origin: { ending: '.origin', isSecret: false },
  lock: { ending: '.lock', isSecret: false },
  lockJournal: { ending: '.lock-journal', isSecret: false },
  pid: { ending: '.pid', isSecret: false },
  operatorSocket: { ending: '.sock', isSecret: false },
  operatorToken: { ending: '.operator-token', isSecret: true },
  /** The authority of `--tls auto`: its certificate with its key, and the certificate alone, for clients. */
  authorityKey: { ending: '.ca-key.pem', isSecret: true },
  authority: { ending: '.ca.pem', isSecret: false },
  /** The server's certificate with its key. */
  certificate: { ending: '.tls.pem', isSecret: true },
} as const satisfies Record<string, StoreFile>;

export type StoreFileName = keyof typeof STORE_FILES;

/** The path of what belongs to a store. @param store the path of its file */
export function besideStore(store: string, what: StoreFileName): string {
  return `${store}${STORE_FILES[what].ending}`;
}

/**
 * Whether a file with this ending behind the name of a store is for its owner alone. What no server made may be a copy of the
 * store or of a key; a certificate by itself is no secret.
 */
export function isSecretOfStore(ending: string): boolean {
  const found = Object.values<StoreFile>(STORE_FILES).find((one) => one.ending === ending);
  return found?.isSecret ?? !ending.endsWith('.crt');
}
