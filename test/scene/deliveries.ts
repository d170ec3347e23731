import type { ClaimedTask, Delivery, SessionRef, TaskInput } from '../../server/model/task.ts';
import type { ClaimRequest, Settlement, SettleOutcome } from '../../server/store/deliveries.ts';
import type { OpenedSession, SessionOpening } from '../../server/store/sessions.ts';
import type { Store } from '../../server/store/store.ts';
import { addTasks, createBroadcast, Q, T0 } from './tasks.ts';

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

/** Inserts a broadcast, and a session claims its children in the order of the clients. */
export async function startBroadcast(store: Store, clients: readonly string[], with_: Partial<TaskInput> = {}) {
  const { parent, children } = createBroadcast(clients, with_);
  await store.insertBroadcast(parent, children, T0);
  const { session } = await openSession(store);
  await claim(store, session, { lanes: children });
  const runs = children.map(({ id }) => ({ taskId: id, delivery: 1, session }));
  return { parent, children, session, runs };
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
