import { once } from 'node:events';
import { createReadStream, openSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ContactError } from '../../../shared/errors.ts';
import type { Backup } from '../backup.ts';
import { createPrivate } from './lock.ts';

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
    try {
      const end = await runCopier({ file, path, maxLogBytes, minFreeBytes }, ended);
      if (end.kind === 'done') return openCopy(path);
      if (end.kind === 'cancelled') throw new ContactError('CANCELLED', 'store: the backup was given up');
      if (end.kind === 'refused') throw refusal(end.problem);
      throw new Error(`store: the backup failed: ${end.problem}`);
    } finally {
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

/** What the thread that copies is told. */
export interface CopyJob {
  readonly file: string;
  readonly path: string;
  /** One flag of 32 bits; not 0: the copy is given up. */
  readonly given: SharedArrayBuffer;
  readonly maxLogBytes: number;
  readonly minFreeBytes: number;
}

/** What became of the copy. */
export type CopyEnd =
  | { readonly kind: 'done' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'refused'; readonly problem: string }
  | { readonly kind: 'failed'; readonly problem: string };

async function runCopier(job: Omit<CopyJob, 'given'>, ended: AbortSignal): Promise<CopyEnd> {
  const given = new SharedArrayBuffer(4);
  const flags = new Int32Array(given);
  const giveUp = (): void => {
    Atomics.store(flags, 0, 1);
    Atomics.notify(flags, 0);
  };
  if (ended.aborted) giveUp();
  ended.addEventListener('abort', giveUp, { once: true });
  const workerData: CopyJob = { ...job, given };
  const worker = new Worker(new URL(`./copier${extname(import.meta.url)}`, import.meta.url), { workerData });
  const exited = once(worker, 'exit');
  try {
    const [end] = (await once(worker, 'message')) as [CopyEnd];
    return end;
  } finally {
    ended.removeEventListener('abort', giveUp);
    await exited;
  }
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
