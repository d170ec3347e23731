import type { TaskInput } from './task.ts';

/** What a producer says of a task, without when: the instants of a task that is sent again are often others. */
export type TaskContent = Omit<TaskInput, 'id' | 'runAt' | 'expiresAt'>;

/**
 * Whether two tasks are the same one sent twice: a repeated id or idempotency key is deduplicated if they are, and
 * refused if they are not. Ids are not compared, for an idempotency key may find a task of another id.
 */
export function hasSameContent(a: TaskContent, b: TaskContent): boolean {
  return (
    a.queue === b.queue &&
    a.lane === b.lane &&
    a.priority === b.priority &&
    a.maxAttempts === b.maxAttempts &&
    a.timeoutMs === b.timeoutMs &&
    a.backoffBaseMs === b.backoffBaseMs &&
    a.backoffCapMs === b.backoffCapMs &&
    a.key === b.key &&
    a.parentId === b.parentId &&
    a.contentType === b.contentType &&
    hasSamePairs(a.metadata, b.metadata) &&
    Buffer.compare(a.payload, b.payload) === 0
  );
}

function hasSamePairs(a: TaskInput['metadata'], b: TaskInput['metadata']): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}
