import { CODE_NAMES } from '../../shared/errors.ts';
import { CONNECTION_ENDS, type CountByCode, PRINCIPAL_LIMITS, REFUSED_FOR } from '../model/figures.ts';
import { type Family, single } from './family.ts';
import { type Histogram, samplesOf } from './histogram.ts';
import type { Sample } from './sample.ts';
import type { Tally } from './tally.ts';

/** The server, its clients and its store. */
export const SERVER_FAMILIES: readonly Family[] = [
  {
    name: 'contact_info',
    type: 'gauge',
    help: 'Always 1; the labels tell what runs.',
    labels: ['version'],
    read: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  single(
    'gauge',
    'contact_ready',
    'Whether /readyz says yes: 0 while the server starts, goes, or refuses new tasks.',
    ({ isReady }) => Number(isReady),
  ),
  single('gauge', 'contact_connections', 'Connections that are open.', ({ figures }) => figures.connections),
  single(
    'counter',
    'contact_connections_refused_total',
    'Connections for which there was no place, and nobody who gave way.',
    ({ figures }) => figures.refusedConnections,
  ),
  single(
    'gauge',
    'contact_connections_admitted',
    'Connections over which a call was let in.',
    ({ figures }) => figures.admittedConnections,
  ),
  {
    name: 'contact_connections_ended_total',
    type: 'counter',
    help: `Connections that the server has ended, by reason (${CONNECTION_ENDS.join(', ')}).`,
    labels: ['reason'],
    read: ({ figures }) =>
      CONNECTION_ENDS.map((reason) => ({ labels: { reason }, value: figures.endedConnections[reason] })),
  },
  {
    name: 'contact_calls_refused_total',
    type: 'counter',
    help: `Calls that were not let in, before anything of them was read, by reason (${REFUSED_FOR.join(', ')}).`,
    labels: ['reason'],
    read: ({ figures }) => REFUSED_FOR.map((reason) => ({ labels: { reason }, value: figures.refusedCalls[reason] })),
  },
  {
    name: 'contact_open_calls',
    type: 'gauge',
    help: 'Calls that are open: to the server (own), and to what its clients serve (reverse).',
    labels: ['kind'],
    read: ({ figures }) => [
      { labels: { kind: 'own' }, value: figures.openCalls },
      { labels: { kind: 'reverse' }, value: figures.openReverseCalls },
    ],
  },
  {
    name: 'contact_calls_total',
    type: 'counter',
    help: 'Calls to the server that it has answered to their end, by code; RESOURCE_EXHAUSTED is a limit.',
    labels: ['code'],
    read: ({ figures }) => codeSamples(figures.endedCalls),
  },
  {
    name: 'contact_reverse_calls_total',
    type: 'counter',
    help: 'Calls to what clients serve that have ended, by mode (live, durable) and code.',
    labels: ['mode', 'code'],
    read: ({ figures }) => [
      ...codeSamples(figures.endedLiveCalls, { mode: 'live' }),
      ...codeSamples(figures.endedDurableCalls, { mode: 'durable' }),
    ],
  },
  single('gauge', 'contact_sessions', "Workers' sessions that are open.", ({ figures }) => figures.sessions),
  single('gauge', 'contact_clients', 'Clients that have a session or serve.', ({ figures }) => figures.clients),
  single(
    'gauge',
    'contact_credit_tasks',
    'Unfinished tasks that all sessions may hold.',
    ({ figures }) => figures.credit,
  ),
  single('gauge', 'contact_held_tasks', 'Unfinished tasks that all sessions hold.', ({ figures }) => figures.held),
  single(
    'gauge',
    'contact_unreceipted_bytes',
    'Bytes that were sent to workers and not seen by them yet.',
    ({ figures }) => figures.unreceiptedBytes,
  ),
  single(
    'gauge',
    'contact_results_position',
    'The newest position of the results log.',
    ({ figures }) => figures.position,
  ),
  single('gauge', 'contact_observers', 'Observers that read results.', ({ figures }) => figures.lags.length),
  single('gauge', 'contact_observer_lag_results', 'Results by which the slowest observer is behind.', ({ figures }) =>
    figures.lags.reduce((most, lag) => Math.max(most, lag), 0),
  ),
  limit('contact_limit_used', 'How much of a limit of the server is used; docs/limits.md has them all.', 'used'),
  limit('contact_limit_max', 'That limit.', 'max'),
  {
    name: 'contact_limit_reached_total',
    type: 'counter',
    help: 'Times that a principal has reached a limit of its own, and was refused or, by the rate, held back.',
    labels: ['limit'],
    read: ({ figures }) =>
      PRINCIPAL_LIMITS.map((limit) => ({ labels: { limit }, value: figures.reachedLimits[limit] })),
  },
  single(
    'gauge',
    'contact_certificate_expiry_timestamp_seconds',
    "When the server's certificate ends, since 1970; without TLS there is none.",
    ({ figures }) => figures.certificateExpiresAt && figures.certificateExpiresAt / 1_000,
  ),
  single(
    'gauge',
    'contact_file_problems',
    'What is to be mended in the files of certificates, so that nobody is refused: contact doctor says it.',
    ({ figures }) => figures.fileProblems.filter(({ isHarmless }) => !isHarmless).length,
  ),
  distributed(
    'contact_store_commit_seconds',
    'Time of a commit on the event loop, without the disk.',
    (tally) => tally.commitSeconds,
  ),
  distributed('contact_store_sync_seconds', 'Time until a commit was on disk.', (tally) => tally.syncSeconds),
  distributed(
    'contact_store_commit_items',
    'Tasks, results and other things of one commit.',
    (tally) => tally.commitItems,
  ),
  single('gauge', 'contact_store_bytes', 'Bytes of the database.', ({ space }) => space?.bytes),
  single('gauge', 'contact_store_log_bytes', 'Bytes of the write-ahead log beside it.', ({ space }) => space?.logBytes),
  single(
    'gauge',
    'contact_disk_free_bytes',
    'Bytes that are free on the disk of the store.',
    ({ space }) => space?.freeBytes,
  ),
  single(
    'gauge',
    'contact_disk_min_free_bytes',
    'With less than that free, new tasks are refused.',
    ({ space }) => space?.minFreeBytes,
  ),
  {
    name: 'contact_event_loop_delay_seconds',
    type: 'gauge',
    help: 'By how much the event loop was late since the scrape before: quantiles, 1 is the worst.',
    labels: ['quantile'],
    read: ({ loopDelay: { p50, p99, max } }) => [
      { labels: { quantile: '0.5' }, value: p50 },
      { labels: { quantile: '0.99' }, value: p99 },
      { labels: { quantile: '1' }, value: max },
    ],
  },
];

/** One sample for each code that there was. OK is always there, so that a rate has something to begin with. */
export function codeSamples(counts: CountByCode, labels?: Sample['labels']): Sample[] {
  return counts.flatMap((value, number) =>
    value > 0 || number === 0 ? [{ labels: { ...labels, code: CODE_NAMES[number]! }, value }] : [],
  );
}

function limit(name: string, help: string, field: 'used' | 'max'): Family {
  return {
    name,
    type: 'gauge',
    help,
    labels: ['limit'],
    read: ({ figures }) => figures.limits.map((one) => ({ labels: { limit: one.name }, value: one[field] })),
  };
}

function distributed(name: string, help: string, find: (tally: Tally) => Histogram): Family {
  return { name, type: 'histogram', help, labels: [], read: ({ tally }) => samplesOf(name, find(tally)) };
}
