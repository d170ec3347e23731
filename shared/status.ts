import { Metadata, status } from '@grpc/grpc-js';
import {
  type CloseAdvice,
  ContactError,
  type ErrorCode,
  FIELD_KEY,
  INDEX_KEY,
  REASON_KEY,
  RETRY_AFTER_KEY,
  RETRY_KEY,
  statusText,
} from './errors.ts';

/** Codes of refusals that stay as they are when the same request comes again. */
const LASTING: ReadonlySet<ErrorCode> = new Set([
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
  'FAILED_PRECONDITION',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
]);

/**
 * The mark of a refusal that has no advice of its own: its code says what a client is to do. By the reason a client
 * tells what a contact server said from what something on the way did.
 */
export function markOf(code: status): CloseAdvice {
  const reason = status[code] ?? 'UNKNOWN';
  return { reason, retry: LASTING.has(reason as ErrorCode) ? 'never' : 'backoff' };
}

/** The status that a gRPC call ends with; it always carries a mark. */
export function toStatus(error: unknown): { code: status; details: string; metadata: Metadata } {
  const known = ContactError.from(error);
  const metadata = new Metadata();
  const { reason, retry } = known.advice ?? markOf(status[known.code]);
  metadata.set(REASON_KEY, headerText(reason));
  metadata.set(RETRY_KEY, retry);
  if (known.retryAfterMs !== undefined) metadata.set(RETRY_AFTER_KEY, String(Math.ceil(known.retryAfterMs)));
  if (known.field !== undefined) metadata.set(FIELD_KEY, headerText(known.field));
  if (known.index !== undefined) metadata.set(INDEX_KEY, String(known.index));
  return { code: status[known.code], details: statusText(known.message), metadata };
}

/** A text as a header may carry it: printable ASCII, and as short as the text of a status. */
function headerText(text: string): string {
  return statusText(text).replace(/[^ -~]/g, '?');
}
