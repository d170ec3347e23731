import { existsSync, lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ContactError } from '../../../shared/errors.ts';
import { walOf } from './wal.ts';

/** Endings of the files beside a database: none of these is a database to be opened as a store. */
const COMPANIONS = ['-wal', '-shm', '-journal', '.lock', '.pid', '.origin', '.copying', '.restoring'];

/** The one name of a file however it is reached, so that its lock is one too. */
export function findRealPath(path: string): string {
  const file = resolve(path);
  if (existsSync(file)) return realpathSync(file);
  if (!existsSync(dirname(file))) {
    throw new ContactError('FAILED_PRECONDITION', `store: the folder ${dirname(file)} does not exist`);
  }
  return join(realpathSync(dirname(file)), basename(file));
}

/**
 * Refuses what SQLite would follow, mistake for a new store, or share unseen with another server: anything but regular
 * files, a second hard link (which has a lock of its own), and an empty database whose log has commits.
 */
export function checkPlaces(file: string): void {
  const companion = COMPANIONS.find((ending) => file.endsWith(ending));
  if (companion) throw refusal(`${file} belongs to a store (its name ends in ${companion}): name the database itself`);
  const database = lookAt(file);
  // The file with the pid is replaced and never followed, so it may be anything.
  for (const ending of COMPANIONS) if (ending !== '.pid') lookAt(file + ending);
  const log = lookAt(walOf(file));
  if (log && log.size > 0 && !database?.size) {
    throw refusal(
      `${file} is ${database ? 'empty' : 'gone'} but its log ${walOf(file)} is not: ` +
        'restore the database, or move the log away to begin a new store',
    );
  }
}

function lookAt(path: string): Stats | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isFile()) throw refusal(`${path} is ${kindOf(found)}, expected a regular file`);
  if (found && found.nlink > 1) {
    throw refusal(
      `${path} has ${found.nlink} hard links, and another server may use it by the other: remove the others`,
    );
  }
  return found;
}

function kindOf(found: Stats): string {
  if (found.isSymbolicLink()) return 'a symbolic link';
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a pipe';
  return found.isSocket() ? 'a socket' : 'a device';
}

function refusal(message: string): ContactError {
  return new ContactError('FAILED_PRECONDITION', `store: ${message}`);
}

/**
 * Watches that the files of a store are still those that were opened. Whoever has a file open goes on writing to it
 * after it was removed or replaced, and never hears of that; what it acknowledges then is in no file that has a name.
 */
export interface Presence {
  /** Looks now. Answers which file is gone: that is the cause of whatever else fails. */
  look(): ContactError | undefined;
  /** The file that is gone, after a look if the last one is too old; undefined: all are there. */
  check(): ContactError | undefined;
  close(): void;
}

export interface PresenceOptions {
  /** The path of the database. */
  readonly file: string;
  /** Bytes that the database has by its own count: another program's VACUUM makes it smaller. */
  readonly countBytes: () => number;
  readonly onGone: (error: ContactError) => void;
  /** Told of what does no harm yet. */
  readonly onNotice?: ((message: string) => void) | undefined;
  readonly everyMs?: number;
}

const EVERY_MS = 1_000;
/** `PRAGMA journal_size_limit`: a log that begins anew is cut to it. */
const LOG_LIMIT = 64 << 20;

interface Watched {
  readonly path: string;
  readonly dev: number;
  readonly ino: number;
  size: number;
  /** How many names the file has. */
  links: number;
  /** The size down to which the file may have shrunk. */
  readonly mayShrinkTo: () => number;
}

export function watchPresence(options: PresenceOptions): Presence {
  const { file, countBytes, onGone, onNotice, everyMs = EVERY_MS } = options;
  const never = (): number => Number.POSITIVE_INFINITY;
  const watched: readonly Watched[] = [
    watch(file, countBytes),
    watch(walOf(file), () => LOG_LIMIT),
    watch(`${file}-shm`, never),
    watch(`${file}.lock`, never),
  ];
  let lookedAt = performance.now();
  let gone: ContactError | undefined;
  let isLinked = false;

  /**
   * Tells of a second name: a database that has two is opened by nobody, not even by this server when it starts again.
   */
  function noteLinks(): void {
    const wasLinked = isLinked;
    isLinked = watched[0]!.links > 1;
    if (isLinked && !wasLinked)
      onNotice?.(`${file} has another hard link now: no server opens it until that is removed`);
  }

  function look(): ContactError | undefined {
    if (gone) return gone;
    lookedAt = performance.now();
    for (const each of watched) {
      const reason = findFault(each);
      if (!reason) continue;
      const message = `store: ${each.path} ${reason} while the server had it open: what was stored last may be lost`;
      gone = new ContactError('FAILED_PRECONDITION', message);
      clearInterval(timer);
      onGone(gone);
      return gone;
    }
    noteLinks();
    return undefined;
  }

  const timer = setInterval(look, everyMs);
  timer.unref();
  return {
    look,
    check() {
      if (performance.now() - lookedAt > 2 * everyMs) look();
      return gone;
    },
    close: () => clearInterval(timer),
  };
}

function watch(path: string, mayShrinkTo: () => number): Watched {
  const { dev, ino, size, nlink } = statSync(path);
  return { path, dev, ino, size, links: nlink, mayShrinkTo };
}

function findFault(watched: Watched): string | undefined {
  let now: Stats | undefined;
  try {
    now = statSync(watched.path, { throwIfNoEntry: false });
  } catch (error) {
    return `cannot be looked at (${(error as Error).message})`;
  }
  if (!now) return 'was removed or moved away';
  if (now.dev !== watched.dev || now.ino !== watched.ino) return 'was replaced by another file';
  if (now.size < watched.size && now.size < watched.mayShrinkTo()) {
    return `was cut from ${watched.size} to ${now.size} bytes`;
  }
  watched.size = now.size;
  watched.links = now.nlink;
  return undefined;
}
