import type { NewTask } from '../../gen/index.ts';
import { ContactError, invalid, invalidName, withIndex } from '../../shared/errors.ts';
import { isName, isTaskId, newTaskId } from '../../shared/ids.ts';
import { PRINCIPAL_KEY } from '../../shared/keys.ts';
import { CREDENTIAL_SHOWN } from '../../shared/name.ts';
import { holdsCredential, holdsOwnCredential } from '../../shared/redact.ts';
import { isPlainText } from '../../shared/text.ts';
import { asFarAs, type Caller, isInScope, mayAddress } from '../model/caller.ts';
import { laneOfClient, laneOfSelector, PARENT_LANE, SHARED_LANE } from '../model/lane.ts';
import { DEFAULT_BACKOFF, DEFAULT_MAX_ATTEMPTS } from '../model/retry.ts';
import { parseSelector } from '../model/selector.ts';
import type { Lane, TaskInput } from '../model/task.ts';
import { readInstant } from './instant.ts';
import { foreignClient, foreignQueue, foreignSelector } from './scope.ts';
import { OCTET_STREAM } from './status.ts';

const MAX_BATCH = 1_000;
const MAX_ATTEMPTS = 1_000;
const MAX_TEXT = 128;
export const MAX_METADATA_PAIRS = 64;
const MAX_METADATA_BYTES = 16 << 10;
const PRIORITY_LIMIT = 32_768;
const NO_NUL = 'expected whole characters without NUL';
export interface BatchReading {
  readonly caller: Caller;
  readonly now: number;
  readonly maxPayloadBytes: number;
  /** The field of the only task, if the request has no list `tasks`. */
  readonly field?: string | undefined;
}

/**
 * A producer's batch as the store takes it. INVALID_ARGUMENT, RESOURCE_EXHAUSTED or PERMISSION_DENIED names the field.
 */
export function readTasks(tasks: readonly NewTask[], reading: BatchReading): TaskInput[] {
  if (tasks.length === 0 || tasks.length > MAX_BATCH) {
    throw invalid('tasks', `expected 1 to ${MAX_BATCH} in one batch, got ${tasks.length}`);
  }
  const { field } = reading;
  let at = 0;
  const place: Place = (name) => `${field ?? `tasks[${at}]`}.${name}`;
  return tasks.map((task, index) => {
    at = index;
    try {
      return readTask(task, place, reading);
    } catch (error) {
      throw field === undefined && error instanceof ContactError ? withIndex(error, index) : error;
    }
  });
}

/** The full name of a field of the task that is being read, made only when that field is refused. */
type Place = (name: string) => string;

function readTask(task: NewTask, place: Place, { caller, now, maxPayloadBytes }: BatchReading): TaskInput {
  if (task.id !== '' && !isTaskId(task.id)) throw invalid(place('id'), 'expected a UUIDv7 in lower case');
  if (!isName(task.queue)) throw invalidName(place('queue'), task.queue);
  if (!isInScope(caller.scope, task.queue)) throw foreignQueue(place('queue'), task.queue);
  const size = task.payload.byteLength;
  if (size > maxPayloadBytes) throw invalid(place('payload'), `${size} bytes, at most ${maxPayloadBytes} are taken`);
  if (task.priority < -PRIORITY_LIMIT || task.priority >= PRIORITY_LIMIT) {
    throw invalid(place('priority'), `expected -${PRIORITY_LIMIT} to ${PRIORITY_LIMIT - 1}`);
  }
  if (task.maxAttempts > MAX_ATTEMPTS) throw invalid(place('max_attempts'), `at most ${MAX_ATTEMPTS}`);
  checkText(place, 'content_type', task.contentType);
  checkText(place, 'idempotency_key', task.idempotencyKey);
  checkMetadata(place, task.metadata);
  const baseMs = task.backoff?.baseMs || DEFAULT_BACKOFF.baseMs;
  const capMs = task.backoff?.capMs || Math.max(DEFAULT_BACKOFF.capMs, baseMs);
  if (capMs < baseMs) throw invalid(place('backoff.cap_ms'), `expected at least base_ms (${baseMs})`);
  return {
    id: task.id || newTaskId(),
    queue: task.queue,
    // Whom it may be for is said by what lets the caller give to this queue.
    lane: readLane(
      task,
      place,
      asFarAs(caller, ({ scope }) => isInScope(scope, task.queue)),
    ),
    payload: task.payload,
    contentType: task.contentType || OCTET_STREAM,
    metadata: readMetadata(task.metadata, caller),
    priority: task.priority,
    runAt: readStart(task, place, now),
    expiresAt: readExpiry(task, place, now),
    maxAttempts: task.maxAttempts || DEFAULT_MAX_ATTEMPTS,
    timeoutMs: task.timeoutMs,
    backoffBaseMs: baseMs,
    backoffCapMs: capMs,
    idempotencyKey: task.idempotencyKey || null,
    parentId: null,
    createdBy: caller.principal,
  };
}

function checkText(place: Place, name: string, text: string): void {
  if (text.length > MAX_TEXT) throw invalid(place(name), `at most ${MAX_TEXT} characters`);
  if (!isPlainText(text)) throw invalid(place(name), NO_NUL);
  if (holdsCredential(text)) throw invalid(place(name), `got ${CREDENTIAL_SHOWN}`);
}

function checkMetadata(place: Place, metadata: Readonly<Record<string, string>>): void {
  let pairs = 0;
  let bytes = 0;
  for (const key in metadata) {
    pairs += 1;
    bytes += Buffer.byteLength(key) + Buffer.byteLength(metadata[key]!);
    if (!isPlainText(key) || !isPlainText(metadata[key]!)) throw invalid(place('metadata'), NO_NUL);
    // Whoever may see the task would have it.
    if (holdsOwnCredential(key) || holdsOwnCredential(metadata[key]!)) {
      throw invalid(place('metadata'), `got ${CREDENTIAL_SHOWN}`);
    }
  }
  if (pairs > MAX_METADATA_PAIRS) throw invalid(place('metadata'), `at most ${MAX_METADATA_PAIRS} pairs, got ${pairs}`);
  if (bytes > MAX_METADATA_BYTES)
    throw invalid(place('metadata'), `at most ${MAX_METADATA_BYTES} bytes in all, got ${bytes}`);
}

/** Who called is said by the server alone: whoever wants it told leaves the key empty. */
function readMetadata(metadata: NewTask['metadata'], { principal }: Caller): TaskInput['metadata'] {
  if (!Object.hasOwn(metadata, PRINCIPAL_KEY)) return metadata;
  const { [PRINCIPAL_KEY]: _said, ...others } = metadata;
  return principal === '' ? others : { ...others, [PRINCIPAL_KEY]: principal };
}

function readLane({ target }: NewTask, place: Place, caller: Caller): Lane {
  switch (target.case) {
    case undefined:
      return SHARED_LANE;
    case 'clientId':
      if (!isName(target.value)) throw invalidName(place('client_id'), target.value);
      if (!mayAddress(caller, target.value)) throw foreignClient(place('client_id'), target.value);
      return laneOfClient(target.value);
    case 'selector':
      if (caller.clients.clients !== 'all') throw foreignSelector(place('selector'));
      return laneOfSelector(parseSelector(target.value, place('selector')).canonical);
    case 'broadcast':
      return PARENT_LANE;
  }
}

function readStart({ start }: NewTask, place: Place, now: number): number | null {
  if (start.case === undefined) return null;
  const at = start.case === 'delayMs' ? now + start.value : readInstant(place('run_at'), start.value);
  return at <= now ? null : at;
}

function readExpiry({ expiry }: NewTask, place: Place, now: number): number | null {
  if (expiry.case === undefined) return null;
  if (expiry.case === 'expiresAt') return readInstant(place('expires_at'), expiry.value);
  if (expiry.value === 0) throw invalid(place('expires_after_ms'), 'expected at least 1');
  return now + expiry.value;
}
