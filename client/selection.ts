import { invalid } from '../shared/errors.ts';
import * as check from './check.ts';
import { buildFilter, type TaskQuery } from './filter.ts';

/** The tasks that a filter finds: all, or a part of them. */
export interface FoundTasks {
  /** Conditions, all of which hold for a task that is meant. */
  readonly filter: TaskQuery;
  /** At most so many, the newest first; `nextPageToken` of the answer says where to go on. Default: all. */
  readonly max?: number;
  /** `nextPageToken` of the part before; default: from the newest on. */
  readonly pageToken?: string;
}

/** Which tasks an operator means: those of these ids (at most 1,000), or those that a filter finds. */
export type TaskSelection = { readonly ids: readonly string[] } | FoundTasks;

export const TASK_IDS = check.listOf(check.text);
const RULES: check.Rules = Object.freeze({
  ids: TASK_IDS,
  filter: check.object,
  max: check.integer(1, 2 ** 32 - 1),
  pageToken: check.text,
});

type Selected = { ids: string[] } | { filter: ReturnType<typeof buildFilter>; max?: number; pageToken?: string };

export function selectTasks(selection: TaskSelection): Selected {
  check.checkFields(selection, RULES, 'selection');
  if ('ids' in selection && 'filter' in selection && selection.filter !== undefined)
    throw invalid('filter', 'not together with ids');
  if ('ids' in selection) check.checkValue('ids', selection.ids, TASK_IDS);
  if ('ids' in selection) return { ids: [...selection.ids] };
  const { filter, max, pageToken } = selection;
  return {
    filter: buildFilter(filter),
    ...(max === undefined ? {} : { max }),
    ...(pageToken === undefined ? {} : { pageToken }),
  };
}
