import { once } from 'node:events';
import { closeSync, existsSync, fdatasync, fsyncSync, openSync, statSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DatabaseSync } from '../../../shared/sqlite.ts';
import type { GroupSize } from '../commit.ts';

/** The write-ahead log's way to disk, beside the event loop: what SQLite itself would do would hold everybody up. */
export interface Wal {
  /** Resolves once all that was committed before this call is on disk; rejects when nobody knows any more. */
  sync(): Promise<void>;
  /** Closes, once no sync is under way. */
  close(): void;
}

export function walOf(file: string): string {
  return `${file}-wal`;
}

/** @param file of the database, which has been written to: then the log is there, until the last connection closes */
export function openWal(file: string): Wal {
  const log = openSync(walOf(file), 'r+');
  return {
    sync: () =>
      new Promise((resolve, reject) => {
        fdatasync(log, (error) => (error ? reject(error) : resolve()));
      }),
    close: () => closeSync(log),
  };
}

/**
 * Keeps the log of a database that is not what it was. The last connection that closes copies the log into the database
 * and removes it, without a look at what became of the database; and node:sqlite cannot tell it not to. A connection
 * that only reads can do neither, and while it is open no other one is the last.
 */
export interface HeldLog {
  /** Closed before the other connections, the last of those removes the log; after them, the log stays as it is. */
  close(): void;
}

/** @param file of a database in WAL mode that is not empty: SQLite removes the log of an empty one as it opens it */
export function holdLog(file: string): HeldLog {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 0 });
  // Only a connection that has read something has the log open.
  db.prepare('PRAGMA schema_version').get();
  return { close: () => db.close() };
}

/**
 * A process that was killed may have left commits that SQLite finds again and that no disk has yet. Whoever asks about
 * them is told that they are stored, often without a commit of its own: so they are put on disk before anybody asks.
 */
export function syncLeftovers(file: string): void {
  const log = walOf(file);
  if (existsSync(log)) syncPath(log);
  // Windows cannot sync folders.
  if (process.platform !== 'win32') syncPath(dirname(file));
}

export function syncPath(path: string): void {
  const handle = openSync(path, process.platform === 'win32' ? 'r+' : 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** What a pass did: the log had so many pages, of which so many are in the database now. */
export type Pass =
  | { readonly kind: 'done'; readonly pages: number; readonly copied: number }
  /** The disk is full, or another connection is at it: worth another try. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'failed'; readonly message: string };

/**
 * Copies the log into the database while commits go on. Since commits do not stop, the log would never be all copied
 * and so never begin anew: when it is long, one short pass has commits wait for it.
 */
export interface WalCheckpoints {
  /** The log grew by one commit. */
  grew(size: GroupSize): void;
  /** Resolves when commits may go on; undefined: they need not wait. */
  pause(): Promise<void> | undefined;
  close(): Promise<void>;
}

/** Pages in the log before the next pass: so few that the pass which commits wait for has little to do. */
const PASS_PAGES = 1_000;
/**
 * Pages that one pass copies: what it copies in one go keeps other threads from the core, and its sync theirs from the
 * disk.
 */
const COPIED_PAGES = 250;
/** The pause before a pass: by then the tasks that made the log grow are stored, claimed and sent, and not held up. */
const DELAY_MS = 30;
/** Pages of each commit that are the ends of a few trees, again and again the same, which a pass copies once. */
const END_PAGES = 8;
const PAGE_BYTES = 4_096;
const PAGE_ITEMS = 10;
/** Pages of a long log, 32 MiB: all of it is read when the server starts after a crash. */
const LONG_PAGES = 8_000;

export interface WalCheckpointsOptions {
  /** The path of the database. */
  readonly file: string;
  readonly onFatal: (error: unknown) => void;
  /**
   * Starts the thread before the first pass, when clients may have taken all descriptors, of which a thread needs some.
   */
  readonly startsAtOnce?: boolean;
  readonly passPages?: number;
  readonly longPages?: number;
  readonly delayMs?: number;
}

export function createWalCheckpoints(options: WalCheckpointsOptions): WalCheckpoints {
  const { file, onFatal, passPages = PASS_PAGES, longPages = LONG_PAGES, delayMs = DELAY_MS } = options;
  // The size of the database that was opened a moment ago: the thread, which compares it, may start much later.
  const { size: bytes } = statSync(file);
  // Without the option the thread starts with the first pass, to which most stores of a test never come.
  let thread = options.startsAtOnce ? start() : undefined;
  /** By how many pages, about, the log has grown since the last pass. */
  let grown = 0;
  let added = 0;
  let isRunning = false;
  let due: NodeJS.Timeout | undefined;
  let paused: Promise<void> | undefined;
  let longFrom = longPages;
  let ended: Promise<void> | undefined;

  function start(): Worker {
    const worker = new Worker(new URL(`./walcheckpointer${extname(import.meta.url)}`, import.meta.url), {
      workerData: { file, bytes },
    });
    worker.on('error', onFatal);
    // The thread does not keep a process alive whose server could not start.
    worker.unref();
    return worker;
  }

  function runPass(): Promise<Pass> {
    thread ??= start();
    const worker = thread;
    return new Promise((resolve) => {
      worker.once('message', resolve);
      worker.postMessage('run');
    });
  }

  async function copy(): Promise<void> {
    due = undefined;
    isRunning = true;
    grown = 0;
    added = 0;
    const first = await runPass();
    let last = first;
    if (first.kind === 'done' && first.pages >= longFrom && !ended) {
      const held = Promise.withResolvers<void>();
      paused = held.promise;
      last = await runPass();
      paused = undefined;
      held.resolve();
      // Somebody reads an old state of the file: the next wait would help as little as this one.
      if (last.kind === 'done') longFrom = last.copied < last.pages ? last.pages + longPages : longPages;
    }
    isRunning = false;
    if (last.kind === 'failed') onFatal(new Error(`store: the log could not be copied: ${last.message}`));
  }

  async function end(): Promise<void> {
    clearTimeout(due);
    if (!thread) return;
    thread.ref();
    const exited = once(thread, 'exit');
    thread.postMessage('close');
    await exited;
  }

  return {
    grew: ({ items, bytes }) => {
      const pages = items / PAGE_ITEMS + bytes / PAGE_BYTES;
      added += pages;
      grown += END_PAGES + pages;
      if ((grown < passPages && added < COPIED_PAGES) || isRunning || due || ended) return;
      due = setTimeout(() => void copy(), delayMs);
    },
    pause: () => paused,
    close: () => {
      ended ??= end();
      return ended;
    },
  };
}
