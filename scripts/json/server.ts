import * as z from 'zod';
import { client } from './client.ts';
import { limitUse, queue, retention } from './queue.ts';
import { always, counts, flag, instant, maybe, number, shape, text, whole, word } from './shape.ts';

export const server = shape('Server', 'What a server says of itself.', {
  version: always(text, 'Of its program.'),
  revision: always(whole, 'Of the contract.'),
  now: maybe(instant, "The server's clock.", 'the server is too old to say'),
  node: maybe(text, 'Its name.', 'the caller is no operator'),
  store: maybe(text, 'The kind of its store.', 'the caller is no operator'),
  startedAt: maybe(instant, 'When it started.', 'the caller is no operator'),
  sessions: always(whole, 'Open ones; 0 for a caller who is no operator.'),
  limits: maybe(
    shape('Sizes', 'The largest that it takes, in bytes.', {
      maxPayloadBytes: always(whole, 'Of a task.'),
      maxResultBytes: always(whole, 'Of a task.'),
      maxCheckpointBytes: always(whole, 'Of an attempt.'),
      maxMessageBytes: always(whole, 'Of all that is sent in one message.'),
    }),
    'What fits.',
    'the server does not say',
  ),
  intervals: maybe(
    shape('Intervals', 'How it looks after sessions.', {
      pingIntervalMs: always(whole, 'A session that is silent for as long is asked whether it is there.'),
      resumeWindowMs: always(whole, 'A session that is lost keeps its tasks for as long.'),
    }),
    'When it gives a client up.',
    'the server does not say',
  ),
  trouble: maybe(text, 'Why new tasks are refused for now.', 'they are taken, or the caller is no operator'),
  limitsUsed: always(z.array(limitUse), 'Of the bounds that all clients share.'),
  limitsReached: always(counts, 'How often a bound of one principal was reached since the start, by its name.'),
  space: maybe(
    shape('Space', 'Of the disk of the store.', {
      databaseBytes: always(whole, 'The database.'),
      logBytes: always(whole, 'The write-ahead log beside it.'),
      freeBytes: always(whole, 'Free on its disk.'),
      minFreeBytes: always(whole, 'With less than that free, new tasks are refused.'),
    }),
    'What the store takes.',
    'the store has no disk of its own, or the caller is no operator',
  ),
  observerLag: always(whole, 'Results by which the slowest observer is behind.'),
  authenticated: always(flag, 'Callers have to say who they are.'),
  certificateExpiresAt: maybe(
    instant,
    "When the server's certificate ends.",
    'it speaks no TLS, or the caller is no operator',
  ),
  retention: maybe(
    retention,
    'How long settled tasks are kept of queues that have no retention of their own.',
    'the caller is no operator',
  ),
  maxFiles: maybe(whole, 'Files and sockets that it may have open.', 'nobody knows, or without a bound'),
  fileProblems: always(
    z.array(
      shape('FileProblem', 'Something about a file of certificates.', {
        problem: always(text, 'What is so, with the file and whom in it.'),
        advice: always(text, 'What to do about it.'),
        harmless: always(flag, 'Nobody is refused for it.'),
      }),
    ),
    'What is to be mended in the files that the server was given, at most 20.',
  ),
});

export const snapshot = shape('Snapshot', 'All that `contact top` shows at one moment.', {
  at: always(instant, 'When.'),
  server: always(server, 'The server.'),
  queues: always(z.array(queue), 'By name, at most 10,000.'),
  clients: always(z.array(client), 'By id, at most 10,000.'),
});

export const health = shape('Health', 'Whether a server serves.', {
  serving: always(flag, 'It does.'),
  service: maybe(text, 'The service that was asked for.', 'the whole server was'),
});

export const finding = shape('Finding', 'What a look at one thing has come to.', {
  check: always(text, 'What was looked at.'),
  level: always(word('ok', 'note', 'wrong'), '`wrong` is to be mended; a `note` is to be known.'),
  message: always(text, 'What is so.'),
  advice: maybe(text, 'What to do about it.', 'nothing'),
});

export const backup = shape('Backup', 'A copy of all that a server has stored.', {
  file: always(text, 'Its path.'),
  bytes: always(whole, 'Its size.'),
});

export const restored = shape('Restored', 'A store that was made of a backup.', {
  file: always(text, 'Its path.'),
  bytes: always(whole, 'Its size.'),
  taskCount: always(whole, 'Tasks that it has.'),
  newestResult: always(whole, 'The place of its newest result.'),
  epoch: always(text, 'By which cursors of before are known to be of another store.'),
});

const spread = shape('Spread', 'How long something took, in milliseconds.', {
  p50: maybe(number, 'Half of all took no longer.', 'nothing was measured'),
  p99: maybe(number, '99 of 100 took no longer.', 'nothing was measured'),
  max: maybe(number, 'The longest.', 'nothing was measured'),
});

export const benchReport = shape('BenchReport', 'What a bench has measured.', {
  queue: always(text, 'Its queue.'),
  payloadBytes: always(whole, 'Of each task.'),
  acknowledged: always(whole, 'Tasks that the server has stored.'),
  succeeded: always(whole, 'Of these.'),
  failed: always(whole, 'Of these.'),
  lost: always(whole, 'Of these: no result came.'),
  duplicates: always(whole, 'Results beyond the first of a task.'),
  enqueueMs: always(number, 'From the first task sent to the last acknowledgement.'),
  durationMs: always(number, 'From the first task sent to the last result.'),
  acknowledgedPerSecond: always(whole, 'The rate of acknowledgements.'),
  succeededPerSecond: always(whole, 'The rate of results.'),
  acknowledgeMs: always(spread, 'From sending a task to its acknowledgement.'),
  pickUpMs: always(spread, 'From sending a task to its handler.'),
  roundTripMs: always(spread, 'From sending a task to its result at an observer.'),
});
