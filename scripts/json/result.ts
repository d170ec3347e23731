import * as z from 'zod';
import { always, flag, instant, jsonValue, maybe, pairs, shape, text, texts, whole } from './shape.ts';
import { children, settledState, state, task, told as toldLine } from './task.ts';
import { progress, taskError } from './waiting.ts';

export const result = shape('Result', 'A task that was settled, with the names of `Task`.', {
  id: always(text, 'The id of the task.'),
  queue: always(text, 'Its queue.'),
  state: always(settledState, 'How it was settled.'),
  result: maybe(jsonValue, 'What its worker gave back.', 'it did not succeed'),
  resultContentType: maybe(text, 'The media type of the result.', 'it has none'),
  error: maybe(taskError, 'Why it did not succeed.', 'it did'),
  attempt: always(whole, 'Attempts that it took.'),
  delivery: always(whole, 'The delivery that settled it; 0: it was never claimed.'),
  client: maybe(text, 'Who settled it, or had it when the server did.', 'nobody had it'),
  metadata: always(pairs, "Its producer's own pairs."),
  createdAt: always(instant, 'When it was stored.'),
  claimedAt: maybe(instant, 'When this delivery was claimed.', 'nobody had it'),
  settledAt: always(instant, 'When it was settled.'),
  cancelRequested: always(flag, 'A cancel was asked for, whatever came of it.'),
  cursor: always(text, 'Its place: `--from` goes on after it.'),
});

export const outcome = shape('Outcome', 'What came of a task that was waited for, or worked on.', {
  id: maybe(text, 'The id of the task.', 'it was found under a key'),
  queue: maybe(text, 'Its queue.', 'it was named on the command line'),
  client: maybe(text, 'Of a child of a broadcast: whom it was for.', 'nobody knows, or it is no child'),
  attempt: maybe(whole, 'Which attempt it was.', 'of what was waited for'),
  state: always(settledState, 'How it ended; of an attempt: `succeeded` or `failed`.'),
  result: maybe(jsonValue, 'What its worker gave back.', 'it did not succeed, and of what was worked on here'),
  resultContentType: maybe(text, 'The media type of the result.', 'it has none'),
  error: maybe(taskError, 'Why it did not succeed.', 'it did'),
  children: maybe(children, 'Of a broadcast itself, which comes last.', 'it is none'),
});

export const stored = shape('Stored', 'A task that the server has stored.', {
  id: always(text, 'Its id.'),
  deduplicated: always(flag, 'It was there already, under this key or id.'),
});

export const changed = shape(
  'Changed',
  'A task that was named and changed. One that was refused is an `Error` on stderr.',
  {
    id: always(text, 'Its id.'),
    state: maybe(state, 'Where it stands now.', 'it is deleted'),
    cancelRequested: maybe(flag, 'It runs, and is asked to stop.', 'nobody asked for that'),
  },
);

const byState = Object.fromEntries(
  state.options.map((one) => [one, maybe(whole, 'Of these.', 'they were not asked for')]),
) as Record<(typeof state.options)[number], ReturnType<typeof maybe<typeof whole>>>;

export const taskCounts = shape('TaskCounts', 'How many tasks were found, or changed.', {
  total: always(whole, 'All of them.'),
  ...byState,
  dryRun: maybe(z.literal(true), 'Nothing was done.', 'it was'),
});

const delivery = {
  id: always(text, 'The id of the task.'),
  delivery: always(whole, 'Which delivery of it.'),
};

export const started = shape('Started', 'A worker has begun.', delivery);
export const told = shape('Told', 'A worker has told how far it is.', {
  ...delivery,
  fraction: progress.shape.fraction,
  message: progress.shape.message,
});

export const taskEvent = shape('TaskEvent', 'What happens to a task: one of these.', {
  task: maybe(task, 'Its state is another, or an attempt has ended.', 'it is another event'),
  started: maybe(started, 'Its worker has begun.', 'it is another event'),
  progress: maybe(told, 'Its worker has told how far it is.', 'it is another event'),
  log: maybe(toldLine, 'Its worker has said something.', 'it is another event'),
});

export const failureGroup = shape('FailureGroup', 'Failures that are alike.', {
  error: maybe(
    taskError,
    'Of groups by error; in its message `#` stands for a number or an id.',
    'it is a group of another kind, or of more kinds than are told apart',
  ),
  client: maybe(text, 'Of groups by client.', 'it is a group of another kind, or nobody knows who had the tasks'),
  queue: maybe(text, 'Of groups by queue.', 'it is a group of another kind'),
  count: always(whole, 'How many failures.'),
  finalCount: always(whole, 'Of these, those that left their task failed.'),
  newest: always(
    shape('Failure', 'An attempt that did not succeed.', {
      task: always(text, 'The id of the task.'),
      queue: always(text, 'Its queue.'),
      client: maybe(text, 'Who had it.', 'nobody knows'),
      delivery: always(whole, 'Which delivery.'),
      failedAt: always(instant, 'When.'),
      error: always(taskError, 'Why.'),
    }),
    'The newest of them.',
  ),
  tasks: always(texts, 'Ids of the newest tasks among them, each once, the newest first; at most 10.'),
});
