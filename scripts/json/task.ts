import * as z from 'zod';
import { always, flag, instant, integer, jsonValue, maybe, pairs, shape, text, whole, word } from './shape.ts';
import { taskError, waiting } from './waiting.ts';

export const state = word('scheduled', 'ready', 'running', 'succeeded', 'failed', 'cancelled', 'expired');
export const settledState = word('succeeded', 'failed', 'cancelled', 'expired');

export const children = shape('Children', 'How a broadcast stands, by how its children settled first.', {
  total: always(whole, 'All of them.'),
  succeeded: always(whole, 'Of these.'),
  failed: always(whole, 'Of these.'),
  cancelled: always(whole, 'Of these.'),
  expired: always(whole, 'Of these.'),
});

const line = {
  number: always(whole, 'Counts the lines of a delivery, from 1; those that are missing were dropped.'),
  level: always(word('debug', 'info', 'warn', 'error'), 'How much it matters.'),
  at: maybe(instant, 'By the clock of the worker, or when the server was told.', 'nobody knows'),
  text: always(z.string(), 'What was said.'),
};

export const logLine = shape('LogLine', 'What a worker said while it had a task.', line);

export const told = shape('ToldLine', 'The same, told by itself.', {
  id: always(text, 'The id of the task.'),
  delivery: always(whole, 'Which delivery of it.'),
  ...line,
});

export const attempt = shape('Attempt', 'A delivery of a task: who had it, when, and how that ended.', {
  attempt: always(whole, 'From 1, and from 1 again after a redrive.'),
  delivery: always(whole, 'Counts the claims of the task, from 1.'),
  client: maybe(text, 'Who had it.', 'nobody knows'),
  claimedAt: maybe(instant, 'When it was given out.', 'nobody knows'),
  startedAt: maybe(instant, 'When its client said that it began.', 'it did not, or nobody knows any more'),
  endedAt: maybe(instant, 'When it ended.', 'it runs'),
  end: always(word('running', 'succeeded', 'failed', 'timed_out', 'lost', 'released', 'cancelled'), 'How it ended.'),
  untouched: always(flag, 'Nothing was done, and no attempt was burnt.'),
  error: maybe(taskError, 'Why it did not succeed.', 'its end says it all'),
  log: always(z.array(logLine), 'The newest 100 that its worker has told; of all attempts the newest 1,000.'),
  backoffMs: maybe(
    whole,
    'How long the task waits for the next attempt, from the end of this one.',
    'not at all, or there is none',
  ),
});

export const act = shape('TaskAct', 'What somebody did to a task.', {
  kind: always(word('cancelled', 'redriven'), 'A cancel was asked for, or it was made ready again.'),
  at: always(instant, 'When.'),
  by: maybe(text, 'The principal, or how it was known who it was.', 'the caller may not know, or nobody does'),
  reason: maybe(text, 'As it was given.', 'none was given'),
});

export const target = shape('Target', 'Whom a task is for: one of both.', {
  client: maybe(text, 'One client.', 'it is by labels'),
  selector: maybe(text, 'Clients whose labels match.', 'it is for one client'),
});

export const task = shape('Task', 'A task as the server knows it.', {
  id: always(text, 'UUIDv7.'),
  queue: always(text, 'Its queue.'),
  state: always(state, 'Where it stands; [states.md](states.md).'),
  priority: always(integer, 'Larger first.'),
  attempt: always(whole, 'Attempts that were burnt or are under way.'),
  maxAttempts: always(whole, 'As many as there may be.'),
  delivery: always(whole, 'The newest; 0: it was never claimed.'),
  lost: always(whole, 'Deliveries that ended with the loss of their session.'),
  timeoutMs: maybe(whole, 'How long one attempt may take.', 'there is no limit'),
  key: maybe(text, 'Its idempotency key.', 'it has none'),
  target: maybe(target, 'Whom it is for.', 'anyone who serves its queue'),
  metadata: always(pairs, "Its producer's own pairs."),
  createdAt: always(instant, 'When it was stored.'),
  runAt: maybe(instant, 'When it becomes ready.', 'it is not scheduled'),
  expiresAt: maybe(instant, 'When it expires if nobody takes it.', 'never'),
  claimedAt: maybe(
    instant,
    'When its newest delivery was claimed, or the one that settled it.',
    'nobody has or had it',
  ),
  settledAt: maybe(instant, 'When it was settled.', 'it is not'),
  client: maybe(text, 'Who has it or settled it.', 'nobody'),
  cancelRequested: always(flag, 'A cancel was asked for.'),
  contentType: maybe(text, 'The media type of the payload.', 'its producer gave none'),
  payload: maybe(jsonValue, 'What its worker is given.', 'in lists, and with `started` and `progress`'),
  resultContentType: maybe(text, 'The media type of the result.', 'it has none'),
  result: maybe(jsonValue, 'What its worker gave back.', 'it did not succeed, and in lists'),
  error: maybe(taskError, 'Why it did not succeed; of one that is not settled the newest failure.', 'there is none'),
  waiting: maybe(waiting, 'Why nobody runs it, or what is known of its run.', 'it is settled'),
  waitingFor: maybe(text, 'The `text` of `waiting` and of its `others` in one.', 'it does not wait'),
  cursor: maybe(text, 'Its place among the results.', 'it is not settled'),
  parent: maybe(text, 'The id of the broadcast that it is a child of.', 'it is none'),
  children: maybe(children, 'How a broadcast stands.', 'it is none'),
  attempts: maybe(z.array(attempt), 'The newest 20, the newest last.', 'in lists'),
  acts: maybe(z.array(act), 'Who cancelled it or had it run again: the newest 20, the newest last.', 'in lists'),
});
