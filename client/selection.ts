import { invalid } from '../shared/errors.ts';
import * as check from './check.ts';
import { buildFilter, type TaskQuery } from './filter.ts';

/** Which tasks an operator means: those of these ids (at most 1,000), or all that a filter finds. */
export type TaskSelection = { readonly ids: readonly string[] } | { readonly filter: TaskQuery };

export const TASK_IDS = check.listOf(check.text);
const RULES: check.Rules = Object.freeze({ ids: TASK_IDS, filter: check.object });

export function selectTasks(selection: TaskSelection): { ids: string[] } | { filter: ReturnType<typeof buildFilter> } {
  check.checkFields(selection, RULES, 'selection');
  if ('ids' in selection && 'filter' in selection && selection.filter !== undefined)
    throw invalid('filter', 'not together with ids');
  if ('ids' in selection) check.checkValue('ids', selection.ids, TASK_IDS);
  return 'ids' in selection ? { ids: [...selection.ids] } : { filter: buildFilter(selection.filter) };
}
