import type { Json } from '../../json/plain.ts';
import { type ContactError, codeNumber, type ErrorCode, nameTask } from '../../shared/errors.ts';
import { markOf } from '../../shared/status.ts';

/** The status of HTTP for each code of a refusal. */
const STATUSES: ReadonlyMap<ErrorCode, number> = new Map<ErrorCode, number>([
  // Nobody hears it.
  ['CANCELLED', 499],
  ['INVALID_ARGUMENT', 400],
  ['NOT_FOUND', 404],
  ['ALREADY_EXISTS', 409],
  ['PERMISSION_DENIED', 403],
  ['UNAUTHENTICATED', 401],
  ['RESOURCE_EXHAUSTED', 429],
  ['FAILED_PRECONDITION', 409],
  ['ABORTED', 409],
  ['OUT_OF_RANGE', 400],
  ['UNIMPLEMENTED', 501],
  ['UNAVAILABLE', 503],
  ['DEADLINE_EXCEEDED', 504],
  ['INTERNAL', 500],
]);
/** What is larger than any may be. */
const TOO_LARGE = 413;

/** What a request is answered that is refused. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: Json };
}

/** Names of the contract that JSON has others for. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['client_id', 'client'],
  ['client_ids', 'client'],
  ['idempotency_key', 'key'],
  ['page_size', 'limit'],
  ['max_groups', 'limit'],
  ['page_token', 'page'],
  ['parent_id', 'parent'],
  ['error_codes', 'error'],
  ['queues', 'queue'],
  ['states', 'state'],
  ['kinds', 'kind'],
  ['step_seconds', 'stepMs'],
]);

/** A field of the contract as the request calls it that carried it. */
export function nameField(field: string): string {
  const path = field.replace(/^(?:filter|task)?\./, '');
  return path
    .split('.')
    .map((part) => {
      const [, name = '', place = ''] = /^(\w+)(.*)$/s.exec(part) ?? [];
      return (NAMES.get(name) ?? name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())) + place;
    })
    .join('.');
}

/** The same refusal, of a request that knows of no list: `tasks[0].queue` is its `queue`. */
export function asSingle(error: ContactError): ContactError {
  return error.index === undefined ? error : nameTask(error, '');
}

/** How an error is told over HTTP. What is not for its caller is not in it. */
export function tellProblem(error: ContactError): Problem {
  const { code, problem, field, index, retryAfterMs, advice } = error;
  const { reason, retry } = advice ?? markOf(codeNumber(code));
  const isTooLarge = code === 'RESOURCE_EXHAUSTED' && retry === 'never';
  return {
    status: isTooLarge ? TOO_LARGE : (STATUSES.get(code) ?? 500),
    headers: {
      ...(code === 'UNAUTHENTICATED' && { 'www-authenticate': 'Bearer' }),
      ...(retryAfterMs !== undefined && { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) }),
    },
    body: {
      error: {
        code,
        message: problem,
        field: field === undefined ? undefined : nameField(field),
        index,
        retryAfterMs,
        reason: reason === code ? undefined : reason,
        advice: retry,
      },
    },
  };
}
