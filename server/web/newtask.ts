import type { MessageInitShape } from '@bufbuild/protobuf';
import type { NewTaskSchema } from '../../gen/index.ts';
import { invalid } from '../../shared/errors.ts';
import { anything, type Field, flag, instant, nested, pairs, required, text, type Values, whole } from './fields.ts';
import { readPayload } from './payload.ts';

const PRIORITY_LIMIT = 32_768;

/** A task as its producer gives it, without its queue. */
export const NEW_TASK = {
  payload: anything(
    'What its worker is given: any value of JSON, or `{"base64": "…"}` for bytes; with a `contentType` that is not JSON, a text.',
  ),
  contentType: text('The media type of the payload; default: `application/json` of a value of JSON.'),
  id: text('UUIDv7 in lower case: with it the request may be sent again. Default: the server draws one.'),
  key: text('An idempotency key: while a task of the queue has it, another with the same content is that task.'),
  metadata: pairs("The producer's own pairs, which worker and observers are told."),
  priority: whole('Larger first within a queue; default 0.', { min: -PRIORITY_LIMIT, max: PRIORITY_LIMIT - 1 }),
  delayMs: whole('Milliseconds after which it becomes ready; default: at once.'),
  runAt: instant('When it becomes ready; not together with `delayMs`.'),
  expiresAfterMs: whole('It expires if nobody has taken it after so many milliseconds.', { min: 1 }),
  expiresAt: instant('It expires if nobody has taken it at this instant; not together with `expiresAfterMs`.'),
  maxAttempts: whole('Attempts before a failure is final; default 5.', { min: 1 }),
  timeoutMs: whole('Milliseconds that one attempt may take; default: no limit.'),
  backoff: nested('How long to wait before a retry: a random time up to `baseMs`, which doubles, up to `capMs`.', {
    baseMs: whole('Milliseconds; default 1,000.'),
    capMs: whole('Milliseconds; default 300,000.'),
  }),
  target: nested('Whom it is for: one of these; default: anyone who serves its queue.', {
    client: text('The client with this id.'),
    selector: text('Clients whose labels match this selector.'),
    broadcast: nested('Every client that matches now: each gets a task of its own.', {
      selector: text('Only those whose labels match; default: all that serve the queue.'),
      known: flag('Also named clients that are away.'),
    }),
  }),
};

export type NewTaskGiven = Values<typeof NEW_TASK>;

/** One of several in a request. */
export const QUEUED_TASK = { queue: required(text('Its queue.')) as Field<string>, ...NEW_TASK };

/** The task of the contract. INVALID_ARGUMENT names the field. */
export function readNewTask(queue: string, given: NewTaskGiven): MessageInitShape<typeof NewTaskSchema> {
  const { id, key, metadata, priority, maxAttempts, timeoutMs, backoff } = given;
  return {
    queue,
    ...readPayload(given.payload, given.contentType),
    ...(id !== undefined && { id }),
    ...(key !== undefined && { idempotencyKey: key }),
    ...(metadata && { metadata }),
    ...(priority !== undefined && { priority }),
    ...(maxAttempts !== undefined && { maxAttempts }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(backoff && { backoff }),
    ...readStart(given),
    ...readExpiry(given),
    ...readTarget(given),
  };
}

function readStart({ delayMs, runAt }: NewTaskGiven) {
  if (delayMs !== undefined && runAt) throw invalid('runAt', 'not together with delayMs');
  if (delayMs !== undefined) return { start: { case: 'delayMs', value: delayMs } } as const;
  return runAt && ({ start: { case: 'runAt', value: runAt } } as const);
}

function readExpiry({ expiresAfterMs, expiresAt }: NewTaskGiven) {
  if (expiresAfterMs !== undefined && expiresAt) throw invalid('expiresAt', 'not together with expiresAfterMs');
  if (expiresAfterMs !== undefined) return { expiry: { case: 'expiresAfterMs', value: expiresAfterMs } } as const;
  return expiresAt && ({ expiry: { case: 'expiresAt', value: expiresAt } } as const);
}

function readTarget({ target }: NewTaskGiven) {
  if (!target) return undefined;
  const { client, selector, broadcast } = target;
  const said = [client, selector, broadcast].filter((one) => one !== undefined).length;
  if (said !== 1) throw invalid('target', 'expected one of client, selector and broadcast');
  if (client !== undefined) return { target: { case: 'clientId', value: client } } as const;
  if (selector !== undefined) return { target: { case: 'selector', value: selector } } as const;
  return { target: { case: 'broadcast', value: broadcast! } } as const;
}
