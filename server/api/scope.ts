import { ContactError } from '../../shared/errors.ts';
import { type Caller, isInScope } from '../model/caller.ts';
import type { DescribedTask, TaskStore } from '../store/tasks.ts';

// An id is one task's in all queues: who gives one that a foreign task has is told that it is taken, and no more. Ids are
// drawn at random, so that hardly anybody comes by one who was not told it.

/** PERMISSION_DENIED, naming the field: the caller may neither give to this queue nor take from it. */
export function checkQueue({ scope }: Caller, queue: string, field: string): void {
  if (!isInScope(scope, queue)) throw foreignQueue(field, queue);
}

export function foreignQueue(field: string, queue: string): ContactError {
  return new ContactError('PERMISSION_DENIED', `${queue} is no queue of this caller`, { field });
}

/** The caller may not be this client, or not address it, whether there is one or not. */
export function foreignClient(field: string, clientId: string): ContactError {
  return new ContactError('PERMISSION_DENIED', `${clientId} is no client of this caller`, { field });
}

/** Whom a selector means is known when a client draws: it may be any, so only who may address all may give one. */
export function foreignSelector(field: string): ContactError {
  return new ContactError('PERMISSION_DENIED', 'it may select clients that are none of this caller', { field });
}

/**
 * The task of this id. NOT_FOUND: it is not there, or not of a queue of this caller, who cannot tell one from the
 * other.
 */
export async function findTask(
  store: Pick<TaskStore, 'describeTask'>,
  id: string,
  { scope }: Caller,
): Promise<DescribedTask> {
  const record = await store.describeTask(id, scope);
  if (record) return record;
  throw new ContactError('NOT_FOUND', `no task ${id}`, { field: 'id' });
}
