import type { TaskInput } from './task.ts';

/** What tracing adds to metadata, another each time that the same is said. */
const OF_TRACING = /^(traceparent|tracestate|baggage|b3|x-b3-[a-z]+)$/;
/** A message with maps is encoded in another order each time. */
const UNORDERED = 'application/protobuf';

/**
 * What a producer says of a task, but for its instants, which are often others when the task is sent again, and who it is:
 * another that sends the same is told of the same task.
 */
export interface TaskContent extends Omit<TaskInput, 'id' | 'runAt' | 'expiresAt' | 'createdBy'> {
  /** Whom a broadcast is for; null or left out: the task is none, or was stored when that was not written down. */
  readonly audience?: string | null;
}

/**
 * The first field of the contract in which two tasks differ; null: they are one task sent twice, and a repeated id or
 * idempotency key is deduplicated. Ids are not compared, for an idempotency key may find a task of another id.
 */
export function differenceOf(a: TaskContent, b: TaskContent): string | null {
  if (a.queue !== b.queue) return 'queue';
  if (a.lane !== b.lane || !isSameAudience(a.audience, b.audience)) return 'target';
  if (a.priority !== b.priority) return 'priority';
  if (a.maxAttempts !== b.maxAttempts) return 'max_attempts';
  if (a.timeoutMs !== b.timeoutMs) return 'timeout_ms';
  if (a.backoffBaseMs !== b.backoffBaseMs || a.backoffCapMs !== b.backoffCapMs) return 'backoff';
  if (a.idempotencyKey !== b.idempotencyKey) return 'idempotency_key';
  if (a.parentId !== b.parentId) return 'parent';
  if (a.contentType !== b.contentType) return 'content_type';
  if (!hasSamePairs(a.metadata, b.metadata)) return 'metadata';
  return isSamePayload(a, b) ? null : 'payload';
}

function isSamePayload({ contentType, payload }: TaskContent, other: TaskContent): boolean {
  if (payload.byteLength !== other.payload.byteLength) return false;
  if (Buffer.compare(payload, other.payload) === 0) return true;
  return contentType === UNORDERED && hasSameBytes(payload, other.payload);
}

/** In whatever order. */
function hasSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  const counts = new Int32Array(256);
  for (const byte of a) counts[byte]! += 1;
  for (const byte of b) counts[byte]! -= 1;
  return counts.every((count) => count === 0);
}

/** What is not known of one of them is no difference. */
function isSameAudience(a: TaskContent['audience'], b: TaskContent['audience']): boolean {
  return a === b || (a ?? null) === null || (b ?? null) === null;
}

function hasSamePairs(a: TaskInput['metadata'], b: TaskInput['metadata']): boolean {
  const keys = keysOf(a);
  return keys.length === keysOf(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}

function keysOf(metadata: TaskInput['metadata']): string[] {
  return Object.keys(metadata).filter((key) => !OF_TRACING.test(key));
}
