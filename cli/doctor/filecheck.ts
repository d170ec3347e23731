import { besideStore, type StoreFileName } from '../../shared/storefiles.ts';
import type { FileFacts, StoreFacts } from './facts.ts';
import { type Finding, ok, wrong } from './finding.ts';
import { showSize } from './servercheck.ts';

const OTHERS = 0o077;
const FEW_BYTES = 256 << 20;

/** A look at the file of a store. */
type StoreCheck = (facts: StoreFacts) => readonly Finding[];

export const STORE_CHECKS: readonly StoreCheck[] = [
  ({ path, bytes, logBytes, problem }) =>
    problem === undefined
      ? [ok('store', `${path} has ${showSize(bytes)}, and ${showSize(logBytes)} in its log`)]
      : [wrong('store', `${path}: ${problem}`, 'name the database of a store, which this user may read')],

  ({ path, problem, freeBytes }) =>
    problem === undefined && freeBytes < FEW_BYTES
      ? [
          wrong(
            'disk',
            `${showSize(freeBytes)} are free on the disk of ${path}`,
            'give it room, or keep less ("contact queues retain")',
          ),
        ]
      : [],

  ({ path, integrity }) => {
    if (integrity === undefined) return [];
    if (integrity.length === 1 && integrity[0] === 'ok') return [ok('integrity', `${path} is whole`)];
    const advice = 'stop the server, keep the files as they are, and restore a backup (docs/backup.md)';
    return integrity.map((line) => wrong('integrity', `${path}: ${line}`, advice));
  },

  ({ path, files }) => {
    const isThere = (what: StoreFileName): boolean => files.some((one) => one.path === besideStore(path, what));
    const hasAuthority = isThere('authority') || isThere('certificate');
    if (isThere('authorityKey') || !hasAuthority) return [];
    const what = `${besideStore(path, 'authorityKey')} is missing: the certificate of the server is not renewed, and no start succeeds`;
    return [wrong('certificate', what, 'put back a copy (docs/access.md, TLS)')];
  },

  ({ files }) => checkFiles(files),
];

/** Files that others than their owner may read or write, and must not. */
export function checkFiles(files: readonly FileFacts[]): readonly Finding[] {
  return files
    .filter(({ mode, isSecret }) => mode !== undefined && isSecret && (mode & OTHERS) !== 0)
    .map(({ path, mode }) =>
      wrong('permissions', `${path} is open to others (${(mode! & 0o777).toString(8)})`, `chmod 600 ${path}`),
    );
}
