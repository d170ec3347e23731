import { type Caller, hasRights, isInScope, nameCaller } from './caller.ts';

/** What somebody did to a task that its results and attempts do not say. */
export interface TaskActRecord {
  readonly kind: 'cancelled' | 'redriven';
  readonly at: number;
  /** Who, as `nameCaller` has it; empty: nobody said. */
  readonly by: string;
  /** Of a cancel; empty: none was given. */
  readonly reason: string;
}

/** Acts that are kept of a task, and shown: the newest. */
export const MAX_TASK_ACTS = 20;

/** As the caller is told them: names of principals are for operators of the queue, and everybody knows their own. */
export function actsFor(acts: readonly TaskActRecord[], queue: string, caller: Caller): readonly TaskActRecord[] {
  if (hasRights(caller, ({ roles, scope }) => roles.has('operator') && isInScope(scope, queue))) return acts;
  const own = nameCaller(caller);
  return acts.map((act) => (act.by === own ? act : { ...act, by: '' }));
}
