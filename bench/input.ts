import type { TaskInput } from '../server/model/task.ts';
import { newTaskId } from '../shared/ids.ts';

/** A task for whoever takes it, as a store is given it: with one attempt, and nothing else said. */
export function createInput(queue: string, payload: Uint8Array): TaskInput {
  return {
    ...{ id: newTaskId(), queue, lane: '', payload, contentType: '', metadata: {}, priority: 0 },
    ...{ runAt: null, expiresAt: null, maxAttempts: 1, timeoutMs: 0, backoffBaseMs: 1_000, backoffCapMs: 300_000 },
    ...{ idempotencyKey: null, parentId: null, createdBy: '' },
  };
}
