import { limits, retention } from './queue.ts';
import { always, instant, maybe, shape, text, texts, whole, word } from './shape.ts';

export const act = shape('Act', 'What somebody has ordered; what is alike within a minute is one act.', {
  kind: always(
    word(
      'tasks_cancelled',
      'tasks_redriven',
      'tasks_deleted',
      'queue_purged',
      'queue_paused',
      'queue_resumed',
      'queue_limited',
      'queue_retained',
      'queue_deleted',
      'client_drained',
      'client_resumed',
      'client_disconnected',
      'credential_created',
      'credential_rotated',
      'credential_revoked',
      'backed_up',
      'client_forgotten',
    ),
    'What it was.',
  ),
  firstAt: always(instant, 'When; of several that are one act, the first.'),
  at: always(instant, 'The last of them.'),
  by: always(text, 'The principal, or how it is known who it was.'),
  queue: maybe(text, 'The queue that it is about.', 'it is about none'),
  client: maybe(text, 'The client that it is about.', 'it is about none'),
  credential: maybe(text, 'The id of the credential that it is about; of a rotation the new one.', 'it is about none'),
  principal: maybe(text, 'The principal of that credential.', 'it is about none'),
  count: always(whole, 'Tasks, sessions or credentials that it changed, or how often it was done.'),
  tasks: always(texts, 'Ids of the newest of these tasks, at most 10.'),
  reason: maybe(text, 'The newest that was given.', 'none was given'),
  limits: maybe(limits, 'The limits of the queue from then on.', 'it is another act, or there are none'),
  retention: maybe(
    retention,
    'How long the queue keeps settled tasks from then on.',
    "it is another act, or as the server's default says",
  ),
});
