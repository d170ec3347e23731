import { invalid } from '../../shared/errors.ts';
import { openSqliteStore } from './sqlite/store.ts';
import type { Store } from './store.ts';

export interface StoreOptions {
  /** This server process's node name. */
  readonly node: string;
  /** Bytes of free disk below which new tasks are refused. Default 64 MiB. */
  readonly minFreeBytes?: number;
  /** How much disk is free, asked at most once a second. Default: the file system's answer. */
  readonly freeBytes?: () => number;
  /** What to do when a commit failed in a way that leaves the disk's content unknown. Default: exit 70. */
  readonly onFatal?: (error: unknown) => void;
}

/**
 * Opens the store that `url` names.
 * @param url `sqlite:PATH` (relative to the working directory, or absolute) or `memory:`
 * @throws ContactError INVALID_ARGUMENT for any other, FAILED_PRECONDITION for a file in use, too new, or not ours
 */
export async function openStore(url: string, options: StoreOptions): Promise<Store> {
  if (url === 'memory:') return openSqliteStore(':memory:', options);
  const path = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : '';
  if (path === '' || path.includes('\0')) {
    throw invalid('store', `expected sqlite:PATH or memory:, got ${JSON.stringify(url.slice(0, 200))}`);
  }
  return openSqliteStore(path, options);
}
