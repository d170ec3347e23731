import { type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import type { EnqueueRefusal } from '../gen/contact/v1/task_service_pb.ts';
import {
  type CloseAdvice,
  ContactError,
  CREDENTIAL_OPTIONS,
  type ErrorCode,
  isRetry,
  REASON_KEY,
  RETRY_KEY,
} from '../shared/errors.ts';

/** How a call ended. */
export interface CallEnd {
  /** null: with status OK. */
  readonly error: ContactError | null;
  /** What the server said about coming again; null: nothing. */
  readonly advice: CloseAdvice | null;
}

interface EndingCall {
  on(event: 'status', listener: (status: StatusObject) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** Resolves once the call has ended; never rejects. */
export function endOf(call: EndingCall): Promise<CallEnd> {
  return new Promise((resolve) => {
    // Without a listener an error would be thrown at the process; the status says the same.
    call.on('error', () => {});
    call.on('status', (end) => resolve(readEnd(end)));
  });
}

export function readEnd(end: StatusObject): CallEnd {
  if (end.code !== status.OK) {
    const failure: ServiceError = Object.assign(new Error(end.details), end);
    const error = ContactError.from(failure);
    return { error, advice: error.advice ?? null };
  }
  const reason = end.metadata.get(REASON_KEY)[0]?.toString();
  const retry = end.metadata.get(RETRY_KEY)[0]?.toString();
  return { error: null, advice: reason && isRetry(retry) ? { reason, retry } : null };
}

/**
 * The error of a refusal that came inside a message instead of a status; if `field` is said, its message begins with
 * it.
 */
export function errorOfRefusal({ code, message, retryAfterMs, field, index }: EnqueueRefusal): ContactError {
  const cause = Object.assign(new Error(message), { code, details: message });
  const isNamed = field !== '' && message.startsWith(`${field}: `);
  return new ContactError(ContactError.from(cause).code, isNamed ? message.slice(field.length + 2) : message, {
    cause,
    ...(isNamed ? { field } : {}),
    ...(index === undefined ? {} : { index }),
    ...(retryAfterMs > 0 ? { retryAfterMs } : {}),
  });
}

/** Refusals that a proxy says too, as HTTP 401, 403 and 404 or by a reset, while its server is being replaced. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['UNAUTHENTICATED', 'PERMISSION_DENIED', 'UNIMPLEMENTED']);

/**
 * Whether it is useless to come again. The server's advice decides; without one, the code does. A refusal without the
 * mark of a server, as proxies and old servers send it, shows a mistake of the configuration only before the first
 * success: what has worked is refused by something on the way, and that passes.
 * @param wasConnected the server has answered over this connection
 */
export function isFinal({ error, advice }: CallEnd, wasConnected: boolean): boolean {
  if (advice) return advice.retry === 'never';
  if (!error) return false;
  return error.code === 'INVALID_ARGUMENT' || ((error.isMarked || !wasConnected) && REFUSALS.has(error.code));
}

/** Whether this is a refusal that something on the way to the server may have said. */
export function isRefusal(error: ContactError): boolean {
  return !error.isMarked && REFUSALS.has(error.code);
}

/** A file that keeps what came of a join text is of no use any more, and would be heeded before another text. */
const MOVE = ' (a credential file is to be moved away first)';

/** What becomes of a caller whom a server does not know any more, by the reason that it gives. */
const REMEDIES: ReadonlyMap<string, string> = new Map([
  ['REVOKED', `an operator has to let this client in anew${MOVE}`],
  ['EXPIRED', `an operator has to give another one: contact token create, contact join create${MOVE}`],
]);

/** What may be done by who is refused for its credential; undefined: nothing, or it is refused for something else. */
export function remedyOf({ code, advice, isMarked }: ContactError): string | undefined {
  if (code !== 'UNAUTHENTICATED' || !isMarked) return undefined;
  // Something takes its place: a certificate or a token of somebody else that was made anew.
  if (advice?.reason === 'EXPIRED' && advice.retry !== 'never') return undefined;
  return REMEDIES.get(advice?.reason ?? '') ?? CREDENTIAL_OPTIONS;
}

/** The same error; to who is refused for its credential it also says what to do. */
export function adviseCaller(error: ContactError): ContactError {
  const { code, problem, advice, isMarked } = error;
  const remedy = remedyOf(error);
  if (remedy === undefined || error.cause instanceof ContactError) return error;
  return new ContactError(code, `${problem}; ${remedy}`, { cause: error, isMarked, ...(advice ? { advice } : {}) });
}

/** The error to show for an end, also for one with status OK. */
export function errorOf(end: CallEnd): ContactError {
  if (end.error) return adviseCaller(end.error);
  const reason = end.advice?.reason;
  return new ContactError(
    'UNAVAILABLE',
    reason ? `the server ended the stream: ${reason}` : 'the server ended the stream',
    {
      ...(end.advice ? { advice: end.advice } : {}),
    },
  );
}
