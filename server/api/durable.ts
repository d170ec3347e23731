import { create } from '@bufbuild/protobuf';
import { NewTaskSchema } from '../../gen/index.ts';
import { ContactError, invalid } from '../../shared/errors.ts';
import { isTaskId } from '../../shared/ids.ts';
import { PRINCIPAL_KEY } from '../../shared/keys.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import type { Role } from '../model/access.ts';
import { CALL_TYPE, type DurableCall, type StoredCall } from '../model/call.ts';
import { asFarAs, type Caller, mayCall } from '../model/caller.ts';
import type { TaskStore } from '../store/tasks.ts';
import { type AwaitedResults, awaitOne, createAwaiting } from './awaited.ts';
import type { Enqueue } from './enqueue.ts';
import { findTask } from './scope.ts';

/** The fields of a task, as who calls a method names them. */
const FIELDS: ReadonlyMap<string, string> = new Map([
  ['task.queue', ':path'],
  ['task.client_id', 'contact-client'],
  ['task.selector', 'contact-selector'],
  ['task.idempotency_key', 'contact-key'],
  ['task.metadata', 'metadata'],
  ['task.payload', 'message'],
  ['id', 'contact-task'],
]);

export interface DurableCallsOptions {
  readonly queue: Pick<TaskQueue, 'results'>;
  readonly store: Pick<TaskStore, 'describeTask'>;
  readonly enqueue: Enqueue;
}

/** Calls that are kept as tasks. */
export interface StoredCalls {
  /** Stores a call; the answer comes after the commit. PERMISSION_DENIED: the caller may store no tasks. */
  store(call: DurableCall, caller: Caller): Promise<StoredCall>;
  /**
   * Waits for a call that was stored before. PERMISSION_DENIED: the caller may see no tasks. NOT_FOUND: there is none of this id. INVALID_ARGUMENT: it is one of another
   * method.
   */
  find(call: { readonly id: string; readonly method: string }, caller: Caller): Promise<StoredCall>;
}

export function createStoredCalls({ queue, store, enqueue }: DurableCallsOptions): StoredCalls {
  // Each awaits one result: bounded by open calls.
  const openAwaited = createAwaiting(queue.results, store, { maxInAll: Number.POSITIVE_INFINITY });

  /** Waits for one result, which `begin` says, and listens to it before it looks for it. */
  async function awaitResult(begin: (awaited: AwaitedResults) => Promise<string>): Promise<StoredCall> {
    const { told, awaited } = awaitOne(openAwaited);
    // Its caller may have gone before it fails.
    told.promise.catch(() => undefined);
    try {
      const id = await begin(awaited).catch(rename);
      return { id, settled: told.promise, forget: awaited.close };
    } catch (error) {
      awaited.close();
      throw error;
    }
  }

  return {
    store: (call, caller) =>
      awaitResult(async (awaited) => {
        const storer = asFor(caller, STORERS, call.method, 'a call that is kept');
        const task = taskOf(call, storer);
        const waits = awaited.admit([task]);
        const [stored] = await enqueue([task], storer, 'task');
        waits.stored([stored!]);
        if (call.isDetached) awaited.close();
        else waits.open();
        return stored!.id;
      }),
    find: ({ id, method }, caller) =>
      awaitResult(async (awaited) => {
        const awaiter = asFor(caller, AWAITERS, method, 'to wait for a call that was kept');
        if (!isTaskId(id)) throw invalid('id', 'expected the id of a task, a UUIDv7 in lower case');
        const waits = awaited.admit([{ id }]);
        const task = await findTask(store, id, awaiter);
        if (task.queue !== method) throw invalid('id', `${id} is a task of ${task.queue}`);
        waits.stored([{ id, deduplicated: true }]);
        waits.open();
        return id;
      }),
  };
}

function taskOf({ method, payload, clientId, selector, key, ...call }: DurableCall, { principal }: Caller) {
  // Of the same key another principal makes another call, and is not given the answer of this one.
  const metadata = principal === '' ? call.metadata : { ...call.metadata, [PRINCIPAL_KEY]: principal };
  const task = create(NewTaskSchema, { queue: method, payload, metadata, contentType: CALL_TYPE });
  task.idempotencyKey = key ?? '';
  if (clientId !== undefined) task.target = { case: 'clientId', value: clientId };
  else if (selector !== undefined) task.target = { case: 'selector', value: selector };
  return task;
}

/** As of EnqueueTasks: a call that is kept is a task. */
const STORERS: readonly Role[] = ['producer', 'operator'];
/** As of DescribeTask and WatchTask. */
const AWAITERS: readonly Role[] = ['producer', 'observer', 'operator'];

/** The caller as it may do that with calls of this method. PERMISSION_DENIED: it has none of the roles. */
function asFor(caller: Caller, wanted: readonly Role[], method: string, what: string): Caller {
  const hasRole = ({ roles }: Caller): boolean => wanted.some((role) => roles.has(role));
  if (hasRole(caller)) return asFarAs(asFarAs(caller, hasRole), (part) => mayCall(part, method));
  throw new ContactError(
    'PERMISSION_DENIED',
    `${what} is for the role ${wanted.join(' or ')}, which this caller has not`,
  );
}

/** The caller has said no task: a field is named as it has said it. */
function rename(error: unknown): never {
  if (!(error instanceof ContactError) || error.field === undefined) throw error;
  const { code, field, retryAfterMs } = error;
  const text = error.message.startsWith(`${field}: `) ? error.message.slice(field.length + 2) : error.message;
  // By its id the answer could be asked for.
  if (field === 'task.idempotency_key' && code === 'ALREADY_EXISTS')
    throw new ContactError(code, 'another call has it', { field: 'contact-key', cause: error });
  throw new ContactError(code, text, {
    field: FIELDS.get(field) ?? field,
    cause: error,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
