import { readdirSync, statfsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DatabaseSync } from '../../shared/sqlite.ts';
import { besideStore, isSecretOfStore } from '../../shared/storefiles.ts';
import { usageError } from '../exit.ts';
import type { FileFacts, StoreFacts } from './facts.ts';

/** Damage that is told; there may be a line for each page. */
const MOST_LINES = 10;

/** The path in `sqlite:PATH`, or the path itself. */
export function readStorePath(text: string): string {
  if (text === 'memory:') throw usageError('--store memory: has no file to look at');
  return resolve(text.replace(/^sqlite:/, ''));
}

/**
 * Looks at the file of a store, beside a server that uses it: it is only read. @param isWhole whether all of it is read and
 * checked, which takes as long as that
 */
export function lookAtStore(path: string, isWhole: boolean): StoreFacts {
  const folder = dirname(path);
  const nothing = { path, bytes: 0, logBytes: 0, freeBytes: 0, files: [] };
  try {
    const { size: bytes } = statSync(path);
    const { bavail, bsize } = statfsSync(folder);
    const names = readdirSync(folder).filter((name) => name.startsWith(basename(path)));
    const facts = {
      ...nothing,
      bytes,
      logBytes: statSync(besideStore(path, 'writeAheadLog'), { throwIfNoEntry: false })?.size ?? 0,
      freeBytes: bavail * bsize,
      files: names.map((name) => lookAtFile(join(folder, name), isSecretOfStore(name.slice(basename(path).length)))),
    };
    return isWhole ? { ...facts, integrity: checkIntegrity(path) } : facts;
  } catch (error) {
    return { ...nothing, problem: (error as Error).message };
  }
}

/** @param isSecret whether what is in it is for its owner alone, if it is a file */
export function lookAtFile(path: string, isSecret: boolean): FileFacts {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? { path, mode: found.mode, isSecret: isSecret && found.isFile() } : { path, isSecret };
}

function checkIntegrity(path: string): readonly string[] {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  try {
    const rows = db.prepare(`PRAGMA quick_check(${MOST_LINES})`).all();
    return rows.map((row) => String(Object.values(row)[0]));
  } finally {
    db.close();
  }
}
