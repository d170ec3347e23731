import assert from 'node:assert/strict';
import type {
  ClaimedTask,
  Delivery,
  LaneRef,
  ResultRecord,
  SessionRef,
  TaskInput,
  TaskState,
} from '../../server/model/task.ts';
import type { ClaimRequest, Settlement, SettleOutcome } from '../../server/store/deliveries.ts';
import type { OpenedSession, SessionOpening } from '../../server/store/sessions.ts';
import type { Store } from '../../server/store/store.ts';
import { newTaskId } from '../../shared/ids.ts';

/** An instant to count from. */
export const T0 = 1_800_000_000_000;

export const Q: LaneRef = { queue: 'q', lane: '' };

export function createTask(with_: Partial<TaskInput> = {}): TaskInput {
  return {
    id: newTaskId(),
    queue: 'q',
    lane: '',
    payload: Buffer.from('payload'),
    contentType: 'text/plain',
    metadata: {},
    priority: 0,
    runAt: null,
    expiresAt: null,
    maxAttempts: 5,
    timeoutMs: 0,
    backoffBaseMs: 1_000,
    backoffCapMs: 300_000,
    key: null,
    parentId: null,
    ...with_,
  };
}

/** Inserts tasks and answers their ids. */
export async function addTasks(store: Store, ...tasks: Partial<TaskInput>[]): Promise<string[]> {
  return (await store.insertTasks(tasks.map(createTask), T0)).map((outcome) => outcome.id);
}

/** A parent with a child for each client named, in its lane. */
export function createBroadcast(clients: readonly string[], with_: Partial<TaskInput> = {}) {
  const parent = createTask(with_);
  const children = clients.map((client) =>
    createTask({ ...with_, key: null, lane: `c:${client}`, parentId: parent.id }),
  );
  return { parent, children };
}

/** A broadcast to these clients, all in but not open, in two inserts. */
export async function fillBroadcast(store: Store, clients: readonly string[], with_: Partial<TaskInput> = {}) {
  const { parent, children } = createBroadcast(clients, with_);
  await store.insertBroadcast(parent, children.slice(0, 2), T0, false);
  await store.extendBroadcast(parent.id, children.slice(2), T0);
  return { parent, children };
}

/** Inserts a broadcast, and a session claims its children in the order of the clients. */
export async function startBroadcast(store: Store, clients: readonly string[], with_: Partial<TaskInput> = {}) {
  const { parent, children } = createBroadcast(clients, with_);
  await store.insertBroadcast(parent, children, T0);
  const { session } = await openSession(store);
  await claim(store, session, { lanes: children });
  const runs = children.map(({ id }) => ({ taskId: id, delivery: 1, session }));
  return { parent, children, session, runs };
}

let drawn = 0;

export function createOpening(with_: Partial<SessionOpening> = {}): SessionOpening {
  drawn++;
  return {
    secretHash: `hash-${drawn}`,
    subject: '',
    clientId: `client-${drawn}`,
    isNamed: false,
    labels: {},
    queues: ['q'],
    node: 'test',
    resume: null,
    ...with_,
  };
}

export function openSession(store: Store, with_: Partial<SessionOpening> = {}, now = T0): Promise<OpenedSession> {
  return store.openSession(createOpening(with_), now);
}

export function createRequest(session: SessionRef, with_: Partial<ClaimRequest> = {}): ClaimRequest {
  return { session, lanes: [Q], limit: 100, maxBytes: 1 << 20, mayExceed: true, ...with_ };
}

/** What one session is given. */
export async function claim(
  store: Store,
  session: SessionRef,
  with_: Partial<ClaimRequest> = {},
  now = T0,
): Promise<readonly ClaimedTask[]> {
  const outcomes = await store.claimTasks(
    () => [createRequest(session, with_)],
    () => now,
  );
  return outcomes[0]!.tasks;
}

/** A session, and one task that it runs. */
export async function startTask(
  store: Store,
  task: Partial<TaskInput> = {},
  opening: Partial<SessionOpening> = {},
): Promise<Delivery & { readonly session: SessionRef }> {
  const { session } = await openSession(store, opening);
  await addTasks(store, task);
  const [claimed] = await claim(store, session, { lanes: [{ queue: task.queue ?? 'q', lane: task.lane ?? '' }] });
  return { taskId: claimed!.id, delivery: claimed!.delivery, session };
}

export function nameDelivery({ taskId, delivery }: Delivery): Delivery {
  return { taskId, delivery };
}

export function succeed(of: Delivery, result = 'done'): Settlement {
  return {
    ...nameDelivery(of),
    clientId: 'c',
    kind: 'succeeded',
    result: Buffer.from(result),
    contentType: 'text/plain',
  };
}

export function fail(of: Delivery, with_: Partial<Settlement & { kind: 'failed' }> = {}): Settlement {
  const error = { code: 'BROKEN', message: 'it broke' };
  return {
    ...nameDelivery(of),
    clientId: 'c',
    kind: 'failed',
    error,
    retry: { kind: 'policy' },
    random: 0.5,
    ...with_,
  };
}

export async function settle(store: Store, settlement: Settlement, now = T0): Promise<SettleOutcome> {
  const [outcome] = await store.settleTasks([settlement], now);
  return outcome!;
}

export async function stateOf(store: Store, id: string): Promise<TaskState | undefined> {
  return (await store.describeTask(id))?.state;
}

/** Bytes as text, so that buffers of any kind compare. */
export function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString();
}

/** The event is what the log has at its position. */
export async function assertLogged(store: Store, event: ResultRecord | undefined): Promise<void> {
  assert(event);
  const [logged] = await store.readResults(event.position - 1, 1);
  assert.deepEqual({ ...logged, result: textOf(logged!.result) }, { ...event, result: textOf(event.result) });
}

export async function assertRejects(promise: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error: Error & { code?: string }) => {
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}
