import { invalid } from '../../shared/errors.ts';
import { maskPassword } from '../../shared/redact.ts';
import { probeFile, type Restored, type RestoreOptions, restoreFile } from './file/open.ts';
import type { StoreOptions } from './options.ts';
import { openSqliteStore } from './sqlite/store.ts';
import type { Store } from './store.ts';

export type { Restored, RestoreOptions };

/**
 * Opens the store that `url` names.
 * @param url `sqlite:PATH` (relative to the working directory, or absolute) or `memory:`
 * @throws ContactError INVALID_ARGUMENT for any other, FAILED_PRECONDITION for a file in use, too new, or not ours
 */
export async function openStore(url: string, options: StoreOptions): Promise<Store> {
  return openSqliteStore(url === 'memory:' ? ':memory:' : readPath(url), options);
}

/**
 * Whether the store that `url` names could be opened, as far as a look can tell that changes nothing. That a server has it
 * is no fault.
 * @throws ContactError INVALID_ARGUMENT, FAILED_PRECONDITION: as `openStore`
 */
export function probeStore(url: string): void {
  if (url !== 'memory:') probeFile(readPath(url));
}

/**
 * Puts a backup where `url` says, from where a server may be started.
 * @param url `sqlite:PATH`
 * @throws ContactError INVALID_ARGUMENT for any other, FAILED_PRECONDITION: see `restoreFile`
 */
export async function restoreStore(backup: string, url: string, options?: RestoreOptions): Promise<Restored> {
  if (url === 'memory:') throw invalid('store', 'a backup is restored into a file: write sqlite:PATH');
  return restoreFile(backup, readPath(url), options);
}

/** The file that `url` names, as it was written; undefined: none, it is in memory. */
export function storeFileOf(url: string): string | undefined {
  return url === 'memory:' ? undefined : readPath(url);
}

/** The path in `sqlite:PATH`. */
function readPath(url: string): string {
  const path = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : '';
  const advice = adviceFor(path);
  if (advice) throw invalid('store', `${show(url)} names no file: write ${advice}`);
  if (path === '' || path.includes('\0')) {
    throw invalid('store', `expected sqlite:PATH or memory:, got ${show(url)}`);
  }
  return path;
}

function show(url: string): string {
  return JSON.stringify(maskPassword(url).slice(0, 200));
}

/** Spellings of other programs, which would name a file that nobody meant. */
function adviceFor(path: string): string | undefined {
  if (path.startsWith(':memory:')) return 'memory:';
  const [spelling] = /^(\/\/|file:|\s+)/.exec(path) ?? [];
  if (!spelling) return undefined;
  return `sqlite:PATH, like sqlite:contact.db or sqlite:/var/lib/contact.db`;
}
