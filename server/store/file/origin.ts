import { randomBytes } from 'node:crypto';
import { closeSync, constants, fsyncSync, openSync, readSync, statSync, write, writeSync } from 'node:fs';
import type { Database } from './database.ts';

/**
 * Tells a database from a copy of it that was restored in its place, which must not go on with its epoch: positions
 * that were given after the copy was made are given again, to other results. A file beside the database remembers which
 * file it was (inode and birth, so that a copy is another one), a token that each opening draws anew, and the newest
 * position that is known to be on disk; a database that falls short of that is an older state of itself.
 */
export interface Origin {
  /** The database was not the one that was here: it has a new epoch. */
  readonly isCopy: boolean;
  /** The new token is on disk in the database: the one before it is worth nothing from now on. */
  confirm(): void;
  /** All positions up to this one are on disk. */
  reached(position: number): void;
  close(): void;
}

interface Note {
  /**
   * Tokens that the database may have, by the name that they have in the file: one, or two while it is being opened.
   */
  readonly words: readonly string[];
  readonly position: number;
  readonly place: string;
}

/** The size of a note, which is written in one piece over the one before. */
const NOTE_BYTES = 256;
const EVERY_MS = 1_000;

export function openOrigin(db: Database, file: string): Origin {
  const handle = openSync(`${file}.origin`, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o600);
  const get = db.prepare<{ value: string }>('SELECT value FROM meta WHERE name = ?');
  const selectPosition = db.prepare<{ position: number }>(
    `SELECT max(coalesce((SELECT max(position) FROM result), 0),
       coalesce((SELECT value FROM meta WHERE name = 'position'), 0)) AS position`,
  );
  const place = placeOf(file);
  const before = readNote(handle);
  const token = get.get('origin')?.value;
  const newToken = randomBytes(8).toString('hex');
  let position = selectPosition.get()!.position;
  const isCopy = !isSame();
  let written = position;

  function isSame(): boolean {
    // A note that is lost, torn, or of a version that wrote none says nothing: only the file itself can tell.
    if (!before) return token === undefined || isPlace(get.get('place')!.value, place);
    return (
      token !== undefined && before.words.includes(token) && before.position <= position && isPlace(before.place, place)
    );
  }

  function writeNote(tokens: readonly string[], toDisk: boolean): void {
    writeSync(handle, format({ words: tokens, position, place }), 0, NOTE_BYTES, 0);
    if (toDisk) fsyncSync(handle);
  }

  // In this order: whenever the process ends in between, the token in the database is one of those beside it; of a copy
  // it is not, until the new epoch is there.
  writeNote(isCopy || token === undefined ? [newToken] : [token, newToken], true);
  const put = db.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value');
  db.exec('BEGIN IMMEDIATE');
  put.run('origin', newToken);
  put.run('place', place);
  if (isCopy) put.run('epoch', randomBytes(8).toString('hex'));
  db.exec('COMMIT');

  const timer = setInterval(() => {
    if (position === written) return;
    written = position;
    // An older position is only a weaker proof: what cannot be written is no fault.
    write(handle, format({ words: [newToken], position, place }), 0, NOTE_BYTES, 0, () => undefined);
  }, EVERY_MS);
  timer.unref();
  return {
    isCopy,
    confirm: () => writeNote([newToken], true),
    reached: (newest) => {
      position = newest;
    },
    close: () => {
      clearInterval(timer);
      try {
        writeNote([newToken], false);
      } catch {
        // The note on disk has an older position, which is only a weaker proof.
      }
      closeSync(handle);
    },
  };
}

function format(note: Note): Buffer {
  return Buffer.from(`${JSON.stringify(note).padEnd(NOTE_BYTES - 1)}\n`);
}

function readNote(handle: number): Note | undefined {
  const bytes = Buffer.alloc(NOTE_BYTES);
  try {
    const note = JSON.parse(bytes.toString('utf8', 0, readSync(handle, bytes, 0, NOTE_BYTES, 0))) as Note;
    return Array.isArray(note.words) && typeof note.position === 'number' && typeof note.place === 'string'
      ? note
      : undefined;
  } catch {
    return undefined;
  }
}

/** The identity of a file, without the device, whose number may be another one after each start of the machine. */
function placeOf(file: string): string {
  const { ino, birthtimeNs, ctimeNs } = statSync(file, { bigint: true });
  // A file system that knows no birth tells the last change instead.
  return `${ino}:${birthtimeNs === ctimeNs ? 0 : birthtimeNs}`;
}

function isPlace(before: string, now: string): boolean {
  const [inode, birth] = before.split(':');
  const [inodeNow, birthNow] = now.split(':');
  return inode === inodeNow && (birth === birthNow || birth === '0' || birthNow === '0');
}
