import { ContactError } from '../../shared/errors.ts';
import { type Caller, isInScope } from '../model/caller.ts';

/** PERMISSION_DENIED, naming the field: the caller may neither give to this queue nor take from it. */
export function checkQueue({ scope }: Caller, queue: string, field: string): void {
  if (!isInScope(scope, queue)) throw foreignQueue(field, queue);
}

export function foreignQueue(field: string, queue: string): ContactError {
  return new ContactError('PERMISSION_DENIED', `${queue} is no queue of this caller`, { field });
}
