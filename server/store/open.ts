import { invalid } from '../../shared/errors.ts';
import type { StoreOptions } from './options.ts';
import { openSqliteStore } from './sqlite/store.ts';
import type { Store } from './store.ts';

/**
 * Opens the store that `url` names.
 * @param url `sqlite:PATH` (relative to the working directory, or absolute) or `memory:`
 * @throws ContactError INVALID_ARGUMENT for any other, FAILED_PRECONDITION for a file in use, too new, or not ours
 */
export async function openStore(url: string, options: StoreOptions): Promise<Store> {
  if (url === 'memory:') return openSqliteStore(':memory:', options);
  const path = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : '';
  const advice = adviceFor(path);
  if (advice) throw invalid('store', `${JSON.stringify(url.slice(0, 200))} names no file: write ${advice}`);
  if (path === '' || path.includes('\0')) {
    throw invalid('store', `expected sqlite:PATH or memory:, got ${JSON.stringify(url.slice(0, 200))}`);
  }
  return openSqliteStore(path, options);
}

/** Spellings of other programs, which would name a file that nobody meant. */
function adviceFor(path: string): string | undefined {
  if (path.startsWith(':memory:')) return 'memory:';
  const [spelling] = /^(\/\/|file:|\s+)/.exec(path) ?? [];
  if (!spelling) return undefined;
  return `sqlite:PATH, like sqlite:contact.db or sqlite:/var/lib/contact.db`;
}
