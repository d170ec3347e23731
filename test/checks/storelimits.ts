import type { ConstantRow } from './limits.ts';

/** Of the store. */
export const STORE_CONSTANTS: readonly ConstantRow[] = [
  ['named clients that are', 'server/store/sqlite/clients.ts', 'MAX_CLIENTS'],
  ['what clients have served', 'server/store/sqlite/clients.ts', 'MAX_METHODS_BYTES'],
  ['names of queues that have', 'server/store/sqlite/rows/catalog.ts', 'MAX_QUEUES'],
  ['empty lanes kept', 'server/store/sqlite/rows/catalog.ts', 'MAX_EMPTY'],
  ['time for which a file', 'server/store/sqlite/file/presence.ts', 'EVERY_MS'],
  ['a log before it is copied', 'server/store/sqlite/file/wal.ts', 'LONG_PAGES'],
  ['a piece of a backup', 'server/store/sqlite/file/backup.ts', 'CHUNK_BYTES'],
  ['the log while a backup', 'server/store/sqlite/file/backup.ts', 'MAX_LOG_BYTES'],
  ['time for which a settled task', 'server/model/retention.ts', 'LEAST_AGE_MS'],
];
