import type { BroadcastInput, LaneRef, TaskInput, TaskState } from '../../server/model/task.ts';
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
    idempotencyKey: null,
    parentId: null,
    createdBy: '',
    ...with_,
  };
}

/** Inserts tasks and answers their ids. */
export async function addTasks(store: Store, ...tasks: Partial<TaskInput>[]): Promise<string[]> {
  return (await store.insertTasks(tasks.map(createTask), T0)).map((outcome) => outcome.id);
}

/** A parent with a child for each client named, in its lane. */
export function createBroadcast(clients: readonly string[], { audience = '', ...with_ }: Partial<BroadcastInput> = {}) {
  const parent: BroadcastInput = { ...createTask(with_), audience };
  const children = clients.map((client) =>
    createTask({ ...with_, idempotencyKey: null, lane: `c:${client}`, parentId: parent.id }),
  );
  return { parent, children };
}

/** A broadcast to these clients, all in but not open, in two inserts. */
export async function fillBroadcast(store: Store, clients: readonly string[], with_: Partial<BroadcastInput> = {}) {
  const { parent, children } = createBroadcast(clients, with_);
  await store.insertBroadcast(parent, children.slice(0, 2), T0, 'test');
  await store.extendBroadcast(parent.id, children.slice(2), T0);
  return { parent, children };
}

export async function stateOf(store: Store, id: string): Promise<TaskState | undefined> {
  return (await store.describeTask(id))?.state;
}
