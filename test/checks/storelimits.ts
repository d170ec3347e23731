import type { ConstantRow } from './limits.ts';

/** Of the store. */
export const STORE_CONSTANTS: readonly ConstantRow[] = [
  ['named clients that are', 'server/store/sqlite/clients.ts', 'MAX_CLIENTS'],
  ['named clients of one principal', 'server/store/sqlite/clients.ts', 'MAX_CLIENTS_OF_ONE'],
  ['what clients have served', 'server/store/sqlite/clients.ts', 'MAX_METHODS_BYTES'],
  ['names of queues that have', 'server/store/sqlite/rows/catalog.ts', 'MAX_QUEUES'],
  ['principals that have tasks', 'server/store/sqlite/rows/principals.ts', 'MAX_PRINCIPALS'],
  ['tasks of one principal that', 'server/store/sqlite/rows/principals.ts', 'MAX_WAITING'],
  ['empty lanes kept', 'server/store/sqlite/rows/catalog.ts', 'MAX_EMPTY'],
  ['time for which a file', 'server/store/sqlite/file/presence.ts', 'EVERY_MS'],
  ['a log before it is copied', 'server/store/sqlite/file/wal.ts', 'LONG_PAGES'],
  ['a piece of a backup', 'server/store/sqlite/file/backup.ts', 'CHUNK_BYTES'],
  ['the log while a backup', 'server/store/sqlite/file/backup.ts', 'MAX_LOG_BYTES'],
  ['time for which a settled task', 'server/model/retention.ts', 'LEAST_AGE_MS'],
];

/** Constants of the store that are named like bounds and have no row, and why. */
export const STORE_REASONS: Readonly<Record<string, string>> = {
  'server/store/sqlite/file/wal.ts PAGE_BYTES': 'what SQLite writes at a time',
  'server/store/sqlite/fresh/task.ts SLAB_BYTES': 'how payloads lie in memory',
  'server/store/sqlite/file/origin.ts NOTE_BYTES': 'of a file that the store writes itself',
  'server/store/sqlite/file/presence.ts LOG_LIMIT': 'of the log that the store writes itself',
  'server/store/sqlite/fresh/rows.ts MAX_SLAB_BYTES': 'how payloads that are read ahead lie in memory',
  'server/store/sqlite/fresh/backlog.ts MAX_BYTES': 'larger payloads are not read ahead',
  'server/store/sqlite/claim.ts MAX_AHEAD_BYTES': 'read ahead in one claim',
  'server/store/sqlite/clients.ts MAX_ROWS': 'rows of a page of the store',
  'server/store/sqlite/clients.ts MAX_SERVING_ROWS': 'rows of a page of the store',
  'server/store/sqlite/fresh/waiting.ts MAX_VOID': 'when an array is made anew',
  'server/store/sqlite/insert.ts MAX_CACHED_BYTES': 'larger payloads are not kept in memory',
  'server/store/sqlite/fresh/task.ts MAX_PACKED_BYTES': 'how payloads lie in memory',
  'server/store/sqlite/conditions.ts MAX_CANDIDATES': 'more are found by a walk through all tasks',
  'server/store/sqlite/queues.ts MAX_LANES': 'the fullest lanes that a listing looks at',
  'server/store/sqlite/listing.ts MAX_PAGE_BYTES': 'of a page of the store; what is told has a row',
  'server/store/sqlite/results.ts MAX_PAGE_BYTES': 'of a page of the store; what is told has a row',
  'server/store/sqlite/results.ts MAX_ROWS': 'rows of a page of the store',
  'server/store/sqlite/listing.ts MAX_ROWS': 'rows of a page of the store',
  'server/store/sqlite/rows/cache.ts MAX_NEW': 'a cache of what the file has',
  'server/store/sqlite/rows/cache.ts MAX_NEW_BYTES': 'a cache of what the file has',
  'server/store/sqlite/rows/cache.ts MAX_RUNNING': 'a cache of what the file has',
};
