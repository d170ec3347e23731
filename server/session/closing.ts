import { type CloseAdvice, ContactError } from '../../shared/errors.ts';

/** The error of a stream that the server ends. */
export function closing(reason: string, retry: CloseAdvice['retry'], message: string): ContactError {
  const code = retry === 'never' ? 'FAILED_PRECONDITION' : 'UNAVAILABLE';
  return new ContactError(code, message, { advice: { reason, retry } });
}

/** The error for a session id that leads nowhere: with another one the client may come again. */
export function notPaired(code: 'ALREADY_EXISTS' | 'FAILED_PRECONDITION', problem: string): ContactError {
  const advice = { reason: 'SESSION', retry: 'backoff' } as const;
  return new ContactError(code, problem, { field: 'contact-session', advice });
}

/** Whether a stream ends because its client may not come again as who it was: it cannot resume its session either. */
export function isExpelled(error: ContactError | null): boolean {
  const advice = error?.advice;
  return advice?.retry === 'never' && (advice.reason === 'REVOKED' || advice.reason === 'EXPIRED');
}

/** The stream was closed at the other end. */
export const GONE = closing('DISCONNECTED', 'now', 'the stream was closed');
export const SILENT = closing('SILENT', 'backoff', 'no sign of life for three ping intervals');
export const EXHAUSTED = closing('EXHAUSTED', 'now', 'this session has sent as many messages as its numbers allow');
export const DISCONNECTED = closing('OPERATOR', 'backoff', 'an operator closed this connection');
export const RESUMED = closing('RESUMED', 'never', 'this session goes on in another stream');
export const SERVER_SHUTDOWN = closing('SERVER_SHUTDOWN', 'now', 'the server is shutting down');

export function replacedBy(clientId: string): ContactError {
  return closing('REPLACED', 'backoff', `${clientId} registered anew: two that use one id replace each other`);
}
