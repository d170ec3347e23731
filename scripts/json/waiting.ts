import * as z from 'zod';
import { always, instant, maybe, number, shape, text, texts, whole, word } from './shape.ts';

export const taskError = shape('TaskError', 'Why a task or an attempt did not succeed.', {
  code: maybe(
    text,
    "A short word for programs: the worker's own, or the server's, such as `TIMEOUT`.",
    'nobody gave one',
  ),
  message: always(z.string(), 'The same in words.'),
  details: maybe(text, 'A `google.rpc.Status`, as a durable call was answered with it: base64.', 'there are none'),
  detail: maybe(
    text,
    'Where it came from: the stack of what was thrown, and of its causes.',
    'it was not told, or not in `attempts`',
  ),
});

export const progress = shape('Progress', 'The newest that a worker told of its run.', {
  fraction: maybe(number, 'How much is done, from 0 to 1.', 'it was not told'),
  message: maybe(text, 'In words.', 'it was not told'),
  toldAt: maybe(instant, 'When.', 'nobody knows'),
});

const reason = {
  kind: always(
    word(
      'unspecified',
      'shutting_down',
      'store',
      'paused',
      'delayed',
      'retry',
      'broadcast',
      'children',
      'client_absent',
      'client_elsewhere',
      'not_served',
      'no_match',
      'drained',
      'unread',
      'overdue',
      'limit',
      'gives_back',
      'budget',
      'full',
      'turn',
      'lost',
      'claimed',
      'running',
    ),
    'For programs; [waiting.md](waiting.md) has a line for each.',
  ),
  text: always(text, 'The same in words, to be read after "waiting for", or after "running".'),
  clients: always(texts, 'Clients that it is about, at most 5.'),
  queues: always(texts, 'What those who are there serve in its place, at most 5.'),
  selector: maybe(text, 'Whom it is for.', 'it is not about labels'),
  labels: always(z.array(z.string()), 'What those who are there have, each as `key=value,key=value`; at most 5.'),
  since: maybe(instant, 'Since when.', 'nobody knows, or it has no beginning'),
  until: maybe(instant, 'Until when.', 'nobody knows'),
  limit: maybe(whole, 'The limit that was reached.', 'there is none'),
  count: maybe(whole, 'Clients, tasks or attempts, as the kind says.', 'none were counted'),
  lastError: maybe(taskError, 'The newest failure.', 'there was none'),
  progress: maybe(progress, 'What was told of the run.', 'nothing was'),
};

export const waiting = shape(
  'Waiting',
  'Why a task does not run, or what is known of its run; of a queue: why what is ready there does not.',
  {
    ...reason,
    others: always(
      z.array(shape('WaitingToo', 'A further reason: as `Waiting`, without `others`.', reason)),
      'What would keep it waiting too, the next one first.',
    ),
  },
);
