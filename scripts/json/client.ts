import * as z from 'zod';
import { always, counts, flag, instant, maybe, pairs, shape, text, texts, whole } from './shape.ts';

const fields = {
  client: always(text, 'Its id.'),
  ephemeral: always(flag, 'It is forgotten with its session.'),
  connected: always(flag, 'It is there.'),
  draining: always(flag, 'It takes nothing new.'),
  plain: always(flag, 'It speaks no `SendStatus`.'),
  labels: always(pairs, 'What selectors look at.'),
  queues: always(texts, 'What it draws from.'),
  services: always(texts, 'What it is called for.'),
  running: always(whole, 'Tasks that it has.'),
  maxInFlight: always(whole, 'Tasks that it may have.'),
  calls: always(whole, 'Live calls that run there.'),
  maxCalls: always(whole, 'Live calls that may; 0: it is not called.'),
  callsByService: always(counts, 'Of these calls, those of each service that has any.'),
  connectedAt: maybe(instant, 'When it came.', 'it is away'),
  lastReceiptAt: maybe(instant, 'When its newest receipt came.', 'none did, or it is away'),
  lastSeenAt: maybe(instant, 'When it left.', 'it is there'),
  status: maybe(text, 'The newest text that it sent about itself.', 'it sent none'),
  agent: maybe(text, 'What it calls its program.', 'it does not say, or is away'),
  peer: maybe(text, 'Address and port that it came from.', 'it is away'),
  runs: maybe(
    shape('Runs', 'How the runs of a client ended within the last hour, of which the first quarter may be missing.', {
      ended: always(whole, 'That succeeded or failed.'),
      failed: always(whole, 'Of these: failures, timeouts, and losses of a session that had begun them.'),
      p50Ms: maybe(whole, '50 of 100 took no longer.', 'of none it is known'),
      p99Ms: maybe(whole, '99 of 100 took no longer.', 'of none it is known'),
    }),
    'How it runs its tasks.',
    'none has ended lately',
  ),
  oldestRunning: maybe(
    shape('RunningTask', 'What a client has run longest.', {
      id: always(text, 'The id of the task.'),
      delivery: always(whole, 'Which delivery of it.'),
      since: maybe(instant, 'Since when.', 'nobody knows'),
    }),
    'What it has run longest.',
    'it runs nothing, or the caller may not see all queues',
  ),
  principal: maybe(
    text,
    'Whose its id is: no other principal comes by it.',
    'it is nobody’s, the server asks nobody, or the caller may not know',
  ),
};

export const client = shape('Client', 'A client that is connected, or a named one that is away.', fields);

const session = shape('Session', 'An open session of a client.', {
  connectedAt: maybe(instant, 'When it began.', 'nobody knows'),
  lastReceiptAt: maybe(instant, 'When its newest receipt came.', 'none did'),
  peer: maybe(text, 'Address and port that it came from.', 'nobody knows'),
  agent: maybe(text, 'What its program is called.', 'it does not say'),
  plain: always(flag, 'It speaks no `SendStatus`.'),
  running: always(whole, 'Tasks that it has.'),
  maxInFlight: always(whole, 'Tasks that it may have.'),
  unreceiptedBytes: always(whole, 'Bytes that were sent to it and that it has not seen yet.'),
  tasks: always(
    z.array(
      shape('HeldTask', 'A delivery that a session has.', {
        id: always(text, 'The id of the task.'),
        delivery: always(whole, 'Which delivery of it.'),
        started: always(flag, 'The client has said that it began.'),
        cancelRequested: always(flag, 'It was asked to stop.'),
      }),
    ),
    'At most 1,000 of those that it has; none for a caller who may not see all queues.',
  ),
});

export const clientDetail = shape('ClientDetail', 'A client, and what it is doing.', {
  ...fields,
  sessions: always(z.array(session), 'Those that are open, the newest first.'),
  methods: always(
    z.array(
      shape('ServedMethod', 'A method that a client serves.', {
        method: always(text, '`pkg.Service/Method`'),
        calls: always(whole, 'Live calls of it that run there.'),
      }),
    ),
    'What it serves, by name.',
  ),
});

export const clientChange = shape('ClientChange', 'What was done to a client.', {
  client: always(text, 'Its id.'),
  draining: maybe(flag, 'Whether it takes nothing new from now on.', 'it was another act'),
  disconnected: maybe(whole, 'Streams that were closed.', 'it was another act'),
  forgotten: maybe(z.literal(true), 'The server knows it no more.', 'it was another act'),
});
