import { createReadStream, openSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { backup, DatabaseSync } from 'node:sqlite';
import { ContactError } from '../../../../shared/errors.ts';
import type { Backup } from '../../backup.ts';
import { createPrivate } from './lock.ts';
import { walOf } from './wal.ts';

/** Makes copies of the database while it is in use, one at a time: until it is closed it takes room on the disk. */
export interface Backups {
  /**
   * Copies the database as it is now, into a file without a name beside it.
   * @throws ContactError RESOURCE_EXHAUSTED when another copy is being made, the disk has no room for one, or the log
   * has grown too long meanwhile; CANCELLED by the signal or the end of the store
   */
  make(signal: AbortSignal): Promise<Backup>;
  /** Ends the copy that is being made; those that are made can be read on. */
  close(): Promise<void>;
}

export interface BackupsOptions {
  /** The path of the database. */
  readonly file: string;
  readonly countBytes: () => number;
  readonly freeBytes: () => number;
  /** What has to stay free. */
  readonly minFreeBytes: number;
  /** For tests. */
  readonly maxLogBytes?: number;
}

/**
 * Pages that are copied in one go, in a thread of libuv. Between two of them the event loop has its turn.
 */
const STEP_PAGES = 200;
/** The log cannot begin anew while a copy is made; beyond this the copy is given up. */
const MAX_LOG_BYTES = 1 << 30;
const CHUNK_BYTES = 256 << 10;
const COME_AGAIN_MS = 10_000;

/** The file in which a copy is made: left behind by a process that was killed, it is removed at opening. */
export function backupOf(file: string): string {
  return `${file}.copying`;
}

export function removeLeftover(file: string): void {
  for (const ending of ['', '-journal', '-wal', '-shm']) rmSync(backupOf(file) + ending, { force: true });
}

export function createBackups(options: BackupsOptions): Backups {
  const { file, countBytes, freeBytes, minFreeBytes, maxLogBytes = MAX_LOG_BYTES } = options;
  const closing = new AbortController();
  let isBusy = false;
  let underWay: Promise<Backup> | undefined;

  async function make(signal: AbortSignal): Promise<Backup> {
    if (isBusy) throw refusal('another backup is being made');
    checkRoom(countBytes());
    isBusy = true;
    try {
      underWay = copy(AbortSignal.any([signal, closing.signal]));
      const made = await underWay;
      return { ...made, close: () => made.close().finally(free) };
    } catch (error) {
      free();
      throw error;
    }
  }

  function free(): void {
    isBusy = false;
  }

  function checkRoom(needed: number): void {
    const found = freeBytes();
    if (found - needed >= minFreeBytes) return;
    throw refusal(`a backup needs ${needed} bytes of disk beside the database for a while, ${found} are free`);
  }

  async function copy(ended: AbortSignal): Promise<Backup> {
    const path = backupOf(file);
    removeLeftover(file);
    createPrivate(path);
    // A connection of its own, which holds one state of the database: else each commit has the copy begin again.
    const source = new DatabaseSync(file, { readOnly: true, timeout: 0 });
    try {
      source.exec('BEGIN');
      source.prepare('SELECT count(*) FROM sqlite_schema').get();
      const check = (): void => {
        if (ended.aborted) throw new ContactError('CANCELLED', 'store: the backup was given up');
        const log = statSync(walOf(file)).size;
        if (log > maxLogBytes) throw refusal(`the log grew to ${log} bytes while the backup was made`);
        checkRoom(0);
      };
      check();
      await backup(source, path, { rate: STEP_PAGES, progress: check });
      return openCopy(path);
    } finally {
      source.close();
      removeLeftover(file);
    }
  }

  return {
    make,
    async close() {
      closing.abort();
      await underWay?.catch(() => undefined);
    },
  };
}

/** Keeps the copy by its descriptor alone: whatever becomes of this process, nothing is left of it. */
function openCopy(path: string): Backup {
  const handle = openSync(path, 'r');
  const bytes = statSync(path).size;
  unlinkSync(path);
  const stream = createReadStream('', { fd: handle, start: 0, highWaterMark: CHUNK_BYTES });
  // Who reads hears of it too; who does not is not to be ended by it.
  stream.on('error', () => undefined);
  return {
    bytes,
    read: () => stream,
    close: async () => void stream.destroy(),
  };
}

function refusal(problem: string): ContactError {
  return new ContactError('RESOURCE_EXHAUSTED', `store: ${problem}`, { retryAfterMs: COME_AGAIN_MS });
}
