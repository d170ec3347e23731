import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { NewTask } from '../gen/contact/v1/task_pb.ts';
import { invalid } from '../shared/errors.ts';
import { isName, isTaskId, newTaskId } from '../shared/ids.ts';
import type { Codec } from './codec.ts';

export interface EnqueueOptions<P = unknown> {
  /** UUIDv7 in lower case; default: one is drawn. The same id with the same content is stored once. */
  readonly id?: string;
  /** Larger first; -32768 to 32767, default 0. */
  readonly priority?: number;
  /** Milliseconds until it is ready; not with `runAt`. */
  readonly delayMs?: number;
  readonly runAt?: Date;
  /** Milliseconds after which a task that nobody took expires; not with `expiresAt`. */
  readonly expiresAfterMs?: number;
  readonly expiresAt?: Date;
  /** 1 to 1000; default: the server's (5). 1: once started, never run again. */
  readonly maxAttempts?: number;
  /** What one attempt may take; default: no limit. */
  readonly timeoutMs?: number;
  /** A name of your own for this task within its queue: enqueued again, it is the same task. */
  readonly key?: string;
  /** Only this client may take it. */
  readonly clientId?: string;
  /** Only clients whose labels match may take it. */
  readonly selector?: string;
  /** One child task for every client that serves the queue and matches; `known`: also named ones that are away. */
  readonly broadcast?: { readonly selector?: string; readonly known?: boolean };
  /** Before a retry; default: the server's (1 s doubling up to 5 min, with jitter). */
  readonly backoff?: { readonly baseMs?: number; readonly capMs?: number };
  /** Handed to the worker and to observers; at most 64 pairs and 16 KiB. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Default: the codec's. */
  readonly contentType?: string;
  /** Default: the producer's. */
  readonly codec?: Codec<P, unknown>;
}

/** Who gets a child of a broadcast, and everything else that may be said of a task. */
export interface BroadcastOptions<P = unknown>
  extends Omit<EnqueueOptions<P>, 'broadcast' | 'clientId' | 'selector'>,
    NonNullable<EnqueueOptions['broadcast']> {}

export interface NewTaskInput<P = unknown> extends EnqueueOptions<P> {
  readonly queue: string;
  readonly payload: P;
}

const MAX_UINT32 = 2 ** 32 - 1;
/** Id, numbers, tags. */
const TASK_OVERHEAD_BYTES = 96;

/** The message for a task. Throws INVALID_ARGUMENT naming the field for what could not even be sent. */
export function buildTask<P>(queue: string, payload: P, options: EnqueueOptions<P>, codec: Codec<P, unknown>): NewTask {
  if (!isName(queue)) throw invalid('queue', `expected [A-Za-z0-9._:/-]{1,128}, got ${JSON.stringify(queue)}`);
  if (options.id !== undefined && !isTaskId(options.id)) {
    throw invalid('id', `expected a UUIDv7 in lower case, got ${JSON.stringify(options.id)}`);
  }
  const { broadcast, backoff, metadata = {} } = options;
  for (const key in metadata) {
    if (typeof metadata[key] !== 'string') throw invalid('metadata', `expected a string under ${JSON.stringify(key)}`);
  }
  const encoded = (options.codec ?? codec).encode(payload);
  if (!(encoded instanceof Uint8Array)) throw invalid('payload', 'expected the codec to make a Uint8Array');
  return {
    $typeName: 'contact.v1.NewTask',
    id: options.id ?? newTaskId(),
    queue,
    payload: encoded,
    contentType: options.contentType ?? (options.codec ?? codec).contentType,
    metadata: { ...metadata },
    priority: whole('priority', options.priority ?? 0, -32_768, 32_767),
    start: startOf(options),
    expiry: expiryOf(options),
    maxAttempts: whole('maxAttempts', options.maxAttempts ?? 0, 0, 1_000),
    timeoutMs: whole('timeoutMs', options.timeoutMs ?? 0, 0, MAX_UINT32),
    idempotencyKey: options.key ?? '',
    target: targetOf(options.clientId, options.selector, broadcast),
    ...(backoff
      ? {
          backoff: {
            $typeName: 'contact.v1.Backoff',
            baseMs: whole('backoff.baseMs', backoff.baseMs ?? 0, 0, MAX_UINT32),
            capMs: whole('backoff.capMs', backoff.capMs ?? 0, 0, MAX_UINT32),
          },
        }
      : {}),
  };
}

/** About what a task takes on the wire. */
export function sizeOfTask(task: NewTask): number {
  let bytes = TASK_OVERHEAD_BYTES + task.payload.byteLength + task.queue.length + task.contentType.length;
  for (const key in task.metadata) bytes += 8 + 3 * (key.length + task.metadata[key]!.length);
  return bytes;
}

function startOf({ delayMs, runAt }: EnqueueOptions<never>): NewTask['start'] {
  if (delayMs !== undefined && runAt) throw invalid('delayMs', 'not together with runAt');
  if (delayMs !== undefined) return { case: 'delayMs', value: whole('delayMs', delayMs, 0, MAX_UINT32) };
  return runAt ? { case: 'runAt', value: timestampFromDate(instant('runAt', runAt)) } : { case: undefined };
}

function expiryOf({ expiresAfterMs, expiresAt }: EnqueueOptions<never>): NewTask['expiry'] {
  if (expiresAfterMs !== undefined && expiresAt) throw invalid('expiresAfterMs', 'not together with expiresAt');
  if (expiresAfterMs !== undefined) {
    return { case: 'expiresAfterMs', value: whole('expiresAfterMs', expiresAfterMs, 1, MAX_UINT32) };
  }
  return expiresAt
    ? { case: 'expiresAt', value: timestampFromDate(instant('expiresAt', expiresAt)) }
    : { case: undefined };
}

function targetOf(
  clientId: string | undefined,
  selector: string | undefined,
  broadcast: EnqueueOptions['broadcast'],
): NewTask['target'] {
  const given = [clientId, selector, broadcast].filter((value) => value !== undefined);
  if (given.length > 1) throw invalid('clientId', 'only one of clientId, selector and broadcast');
  if (clientId !== undefined) return { case: 'clientId', value: clientId };
  if (selector !== undefined) return { case: 'selector', value: selector };
  if (!broadcast) return { case: undefined };
  const { selector: narrowed = '', known = false } = broadcast;
  return { case: 'broadcast', value: { $typeName: 'contact.v1.Broadcast', selector: narrowed, known } };
}

function whole(field: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw invalid(field, `expected an integer from ${min} to ${max}, got \`${value}\``);
  }
  return value;
}

function instant(field: string, value: Date): Date {
  if (Number.isNaN(value.getTime())) throw invalid(field, 'expected a valid Date');
  return value;
}
