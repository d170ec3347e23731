import * as z from 'zod';
import { always, maybe, shape, text, whole } from './shape.ts';

// What a command with --json says on stderr.

export const error = shape('Error', 'What went wrong.', {
  code: always(text, 'For programs: a name of gRPC, or what was said of a task, such as `SETTLED`.'),
  message: always(text, 'In words, without `field`.'),
  field: maybe(
    text,
    'What is wrong of what was given: a flag, an argument or a field of the contract.',
    'nothing in particular',
  ),
  index: maybe(whole, 'Which of several it is about, from 0: a line of stdin, a task of a batch.', 'there is one'),
  id: maybe(text, 'The id of the task that it is about.', 'it is about none that has one'),
  retryAfterMs: maybe(whole, 'After this time it makes sense to try again.', 'no time was named'),
  reason: maybe(
    text,
    'Why a connection was ended or refused, for programs: `REPLACED`, `TLS_PIN`.',
    'the code says it',
  ),
});

export const notice = shape('Notice', 'A line of stderr: one of these.', {
  error: maybe(error, 'What went wrong; the last one is why the command ended.', 'it is a note'),
  note: maybe(
    shape('Note', 'Something to be known: a warning, or how far a command is.', {
      message: always(z.string(), 'In words.'),
    }),
    'Something to be known.',
    'it is an error',
  ),
});
