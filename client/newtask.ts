import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { NewTask } from '../gen/contact/v1/task_pb.ts';
import { describeThrown } from '../shared/describe.ts';
import { ContactError, invalid, refuseTask } from '../shared/errors.ts';
import { isTaskId, newTaskId } from '../shared/ids.ts';
import * as check from './check.ts';
import { type Codec, json } from './codec.ts';

/**
 * What may be said of a task beside its queue and payload. Fields that are wrong: INVALID_ARGUMENT naming the field.
 */
export interface EnqueueOptions<P = unknown> {
  /** UUIDv7 in lower case; default: one is drawn. The same id with the same content is stored once. */
  readonly id?: string;
  /** Larger first; -32768 to 32767, default 0. */
  readonly priority?: number;
  /** Milliseconds until the task is ready; default 0. Not together with `runAt`. */
  readonly delayMs?: number;
  /** When the task is ready; a time that has passed: at once. Default: at once. Not together with `delayMs`. */
  readonly runAt?: Date;
  /**
   * Milliseconds after which a task that nobody took expires; at least 1. Default: never, but children of a broadcast
   * an hour after they are due. Not together with `expiresAt`.
   */
  readonly expiresAfterMs?: number;
  /** When a task that nobody took expires. Default: as `expiresAfterMs`, together with which it is refused. */
  readonly expiresAt?: Date;
  /** 1 to 1000; default: the server's (5). 1: once started, never run again. */
  readonly maxAttempts?: number;
  /** Milliseconds that one attempt may take from its start; default 0: no limit. */
  readonly timeoutMs?: number;
  /**
   * A name of your own for this task within its queue: enqueued again, it is the same task, unless that was cancelled,
   * has expired, or is kept no longer. Default: none.
   */
  readonly key?: string;
  /** Only this client may take it, now or when it comes. Default: any may. Not together with `selector` or `broadcast`. */
  readonly clientId?: string;
  /** Only clients whose labels match may take it: `site=berlin,gpu`. Default: any may. Not with `clientId` or `broadcast`. */
  readonly selector?: string;
  /** One child task for every client that serves the queue and matches; `known`: also named ones that are away. Default: one task. */
  readonly broadcast?: { readonly selector?: string; readonly known?: boolean };
  /** Milliseconds before a retry: `baseMs` doubling up to `capMs`, with jitter; default: the server's (1 s, 5 min). */
  readonly backoff?: { readonly baseMs?: number; readonly capMs?: number };
  /** Handed to the worker and to observers; at most 64 pairs and 16 KiB. Default: none. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Media type of the payload; default: the codec's. */
  readonly contentType?: string;
  /** Encodes this payload; default: the producer's codec. */
  readonly codec?: Codec<P, unknown>;
}

/** What may be said once of all tasks of a kind. */
export type TaskTerms = Pick<
  EnqueueOptions,
  'priority' | 'expiresAfterMs' | 'maxAttempts' | 'timeoutMs' | 'backoff' | 'metadata'
>;

/** Who gets a child of a broadcast, and everything else that may be said of a task. */
export interface BroadcastOptions<P = unknown>
  extends Omit<EnqueueOptions<P>, 'broadcast' | 'clientId' | 'selector'>,
    NonNullable<EnqueueOptions['broadcast']> {}

/** One task of `enqueueBatch()`. */
export interface NewTaskInput<P = unknown> extends EnqueueOptions<P> {
  /** The queue that it waits in; `[A-Za-z0-9._:/-]`, 1 to 128 characters. */
  readonly queue: string;
  /** What the handler is given; encoded by `codec`, or else by the producer's. */
  readonly payload: P;
}

const MAX_UINT32 = 2 ** 32 - 1;
const { uint32 } = check;

const AUDIENCE_RULES = Object.freeze({ selector: check.text, known: check.flag });

/** The rule of each option. A field that is new in the options has to be here too, or the compiler says so. */
const TASK_RULES: Readonly<Record<keyof EnqueueOptions, check.Check>> = Object.freeze({
  id: check.text,
  priority: check.integer(-32_768, 32_767),
  delayMs: uint32,
  runAt: check.instant,
  expiresAfterMs: check.integer(1, MAX_UINT32),
  expiresAt: check.instant,
  maxAttempts: check.integer(0, 1_000),
  timeoutMs: uint32,
  key: check.someText,
  clientId: check.name,
  selector: check.text,
  broadcast: check.shape(AUDIENCE_RULES),
  backoff: check.shape({ baseMs: uint32, capMs: uint32 }),
  metadata: check.recordOf(check.text),
  contentType: check.text,
  codec: check.codec,
});
const { priority, expiresAfterMs, maxAttempts, timeoutMs, backoff, metadata } = TASK_RULES;
/** Rules of what may be said once of all tasks of a kind. */
export const TERMS_RULES: Readonly<Record<keyof TaskTerms, check.Check>> = Object.freeze({
  priority,
  expiresAfterMs,
  maxAttempts,
  timeoutMs,
  backoff,
  metadata,
});
/** Rules of the options of `enqueue()`. */
const WAIT_RULES = Object.freeze({ signal: check.signal, deadlineMs: check.deadlineMs });
const ENQUEUE_RULES: check.Rules = Object.freeze({ ...TASK_RULES, ...WAIT_RULES });
/** Rules of the options of `broadcast()`. */
export const BROADCAST_RULES: Readonly<Record<keyof BroadcastOptions | keyof typeof WAIT_RULES, check.Check>> =
  Object.freeze({
    ...withoutTarget(TASK_RULES),
    ...AUDIENCE_RULES,
    ...WAIT_RULES,
  });
/** Rules of the options of `enqueueBatch()`. */
export const BATCH_RULES: check.Rules = WAIT_RULES;
/** Rules of one task of `enqueueBatch()`. */
const INPUT_RULES: check.Rules = Object.freeze({
  ...TASK_RULES,
  queue: check.name,
  payload: check.anything,
});
/** Rules of the options of `call()`. */
export const CALL_RULES: check.Rules = Object.freeze({
  ...ENQUEUE_RULES,
  deadlineMs: check.waitMs,
  cancelWhenAbandoned: check.flag,
});
/** What one message of the SDK may have, less what goes around a payload. */
const MAX_PAYLOAD_BYTES = 63 * 1024 * 1024;
/** About what the id, the numbers and the tags of a task take. */
const TASK_OVERHEAD_BYTES = 96;

function withoutTarget<R extends { broadcast: unknown; clientId: unknown; selector: unknown }>(rules: R) {
  const { broadcast: _, clientId: _clientId, selector: _selector, ...rest } = rules;
  return rest;
}

/** The messages for the tasks of one batch; what is wrong of one of them is named with its place. */
export function buildTasks<P>(inputs: readonly NewTaskInput<P>[], codec: Codec<P, unknown>): NewTask[] {
  return inputs.map((input, index) => {
    try {
      return buildTask(input.queue, input.payload, input, codec, INPUT_RULES);
    } catch (error) {
      if (!(error instanceof ContactError) || error.field === undefined) throw error;
      throw refuseTask(error.code, index, error.field, error.problem, { cause: error });
    }
  });
}

/** The message for a task. Throws INVALID_ARGUMENT naming the field for what could not even be sent. */
export function buildTask<P>(
  queue: string,
  payload: P,
  options: EnqueueOptions<P>,
  codec: Codec<P, unknown>,
  rules: check.Rules = ENQUEUE_RULES,
): NewTask {
  check.checkFields(options, rules);
  check.checkValue('queue', queue, check.name);
  if (options.id !== undefined && !isTaskId(options.id)) {
    throw invalid('id', `expected a UUIDv7 in lower case, got ${JSON.stringify(options.id)}`);
  }
  const { broadcast, backoff, metadata = {} } = options;
  const encoded = encodePayload(payload, options.codec ?? codec);
  return {
    $typeName: 'contact.v1.NewTask',
    id: options.id ?? newTaskId(),
    queue,
    payload: encoded,
    contentType: options.contentType ?? (options.codec ?? codec).contentType,
    metadata: { ...metadata },
    priority: options.priority ?? 0,
    start: startOf(options),
    expiry: expiryOf(options),
    maxAttempts: options.maxAttempts ?? 0,
    timeoutMs: options.timeoutMs ?? 0,
    idempotencyKey: options.key ?? '',
    target: targetOf(options.clientId, options.selector, broadcast),
    ...(backoff
      ? {
          backoff: {
            $typeName: 'contact.v1.Backoff',
            baseMs: backoff.baseMs ?? 0,
            capMs: backoff.capMs ?? 0,
          },
        }
      : {}),
  };
}

function encodePayload<P>(payload: P, codec: Codec<P, unknown>): Uint8Array {
  let encoded: unknown;
  // An undefined payload is forgotten more often than meant: who means it says null.
  if (payload === undefined && codec === json) throw invalid('payload', 'expected a value, got undefined');
  try {
    encoded = codec.encode(payload);
  } catch (error) {
    throw new ContactError('INVALID_ARGUMENT', `${describeThrown(error)}`, { field: 'payload', cause: error });
  }
  if (!(encoded instanceof Uint8Array)) throw invalid('payload', 'expected the codec to make a Uint8Array');
  if (encoded.byteLength > MAX_PAYLOAD_BYTES) {
    const problem = `${encoded.byteLength} bytes, at most ${MAX_PAYLOAD_BYTES} can be sent`;
    throw new ContactError('RESOURCE_EXHAUSTED', problem, { field: 'payload' });
  }
  return encoded;
}

/** About what a task takes on the wire; not less. */
export function sizeOfTask(task: NewTask): number {
  const { target } = task;
  // A UTF-16 unit takes three bytes at most.
  let units = task.contentType.length + task.idempotencyKey.length;
  if (target.case === 'broadcast') units += target.value.selector.length;
  else if (target.case !== undefined) units += target.value.length;
  let bytes = TASK_OVERHEAD_BYTES + task.payload.byteLength + task.queue.length + 3 * units;
  for (const key in task.metadata) bytes += 8 + 3 * (key.length + task.metadata[key]!.length);
  return bytes;
}

/**
 * What tasks of one message take together. Throws RESOURCE_EXHAUSTED naming the task with which they are more than a
 * message of the SDK may have; what the server takes is known once there is a stream (`checkBatch`).
 */
export function sizeOfTasks(tasks: readonly NewTask[], nameOf: (place: number) => string): number {
  let bytes = 0;
  tasks.forEach((task, place) => {
    bytes += sizeOfTask(task);
    if (bytes > MAX_PAYLOAD_BYTES + 2 * TASK_OVERHEAD_BYTES)
      throw tooMuch(nameOf(place), place, bytes, MAX_PAYLOAD_BYTES);
  });
  return bytes;
}

export function tooMuch(field: string, index: number, bytes: number, maxBytes: number): ContactError {
  const problem = `with it one message has ${bytes} bytes, at most ${maxBytes} can be sent`;
  return new ContactError('RESOURCE_EXHAUSTED', problem, { field, index });
}

function startOf({ delayMs, runAt }: EnqueueOptions<never>): NewTask['start'] {
  if (delayMs !== undefined && runAt) throw invalid('delayMs', 'not together with runAt');
  if (delayMs !== undefined) return { case: 'delayMs', value: delayMs };
  return runAt ? { case: 'runAt', value: timestampFromDate(runAt) } : { case: undefined };
}

function expiryOf({ expiresAfterMs, expiresAt }: EnqueueOptions<never>): NewTask['expiry'] {
  if (expiresAfterMs !== undefined && expiresAt) throw invalid('expiresAfterMs', 'not together with expiresAt');
  if (expiresAfterMs !== undefined) {
    return { case: 'expiresAfterMs', value: expiresAfterMs };
  }
  return expiresAt ? { case: 'expiresAt', value: timestampFromDate(expiresAt) } : { case: undefined };
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
