import type { ConstantRow } from './limits.ts';

/** Of the listener of metrics, and of the history. */
export const METRICS_CONSTANTS: readonly ConstantRow[] = [
  ['connections of `--metrics`', 'server/metrics/listener.ts', 'MAX_CONNECTIONS', 'MAX_REQUESTS'],
  ['header of a request for metrics', 'server/metrics/listener.ts', 'MAX_HEADER_BYTES'],
  ['time of a request for metrics', 'server/metrics/listener.ts', 'TIMEOUT_MS'],
  ['scrapes that are read anew', 'server/metrics/metrics.ts', 'FRESH_MS'],
  ['queues with a label of their own', 'server/metrics/labels.ts', 'MAX_LABELS'],
  ['queues with a label of their own', 'server/metrics/rows.ts', 'MAX_ROWS'],
  ['queues with a history of their own', 'server/history/places.ts', 'MAX_OWN', 'MAX_CANDIDATES', 'MAX_MOVED'],
  ['history that is kept in the store', 'server/history/record.ts', 'MAX_RECORD_BYTES'],
  ['queues that one `GetHistory` names', 'server/api/history.ts', 'MAX_QUEUES', 'MAX_STEP_MS'],
];
