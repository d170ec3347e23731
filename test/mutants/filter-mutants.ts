import { conformance, type Mutant, transport } from './mutant.ts';

const CONDITIONS = 'server/store/sqlite/conditions.ts';

/** Faults of the conditions by which tasks and results are found. */
export const FILTER_MUTANTS: readonly Mutant[] = [
  {
    id: 'filter: an error of before a redrive still counts',
    file: CONDITIONS,
    find: 'ORDER BY position DESC LIMIT 1)`;',
    replace: 'ORDER BY position LIMIT 1)`;',
    caughtBy: conformance('found', 'sqlite store find settled tasks by the code of their newest error'),
  },
  {
    id: 'filter: a part of the metadata is enough',
    file: CONDITIONS,
    find: 'pairs[name as string] === value ? 1 : 0',
    replace: 'true ? 1 : 0',
    caughtBy: conformance('found', 'sqlite store find tasks by pairs of their metadata, whatever stands in them'),
  },
  {
    id: 'filter: counts pass over the scope',
    file: 'server/store/sqlite/listing.ts',
    find: ' || !isInScope(scope, queue.name)) continue;',
    replace: ') continue;',
    caughtBy: conformance('found', 'sqlite store keep to queues of the scope'),
  },
  {
    id: 'filter: conditions pass over the scope',
    file: CONDITIONS,
    find: '(filter.queues?.includes(name) ?? true) && isInScope(scope, name)',
    replace: 'filter.queues?.includes(name) ?? true',
    caughtBy: conformance('found', 'sqlite store keep to queues of the scope'),
  },
  {
    id: 'filter: who counts is not asked for its queues',
    file: 'server/api/tasks.ts',
    find: 'store.countTasks(readFilter(filter, clock.now()), caller.scope)',
    replace: 'store.countTasks(readFilter(filter, clock.now()))',
    caughtBy: transport(
      'access-matrix',
      'contact.v1.TaskService/CountTasks: nobody, of another queue, told as if there were none',
    ),
  },
  {
    id: 'sdk: acts on a server that passes over the condition',
    file: 'client/filter.ts',
    find: 'return NEWER.filter((name) => query[name] !== undefined);',
    replace: 'return NEWER.filter((name) => query[name] === null);',
    caughtBy: transport('sdk-admin', 'acts by a condition on no server that would pass over it'),
  },
  {
    id: 'sdk: a server of before tells results that were not asked for',
    file: 'client/observer.ts',
    find: 'if (meetsQuery(result, wanted.filter ?? {})) yield result;',
    replace: 'yield result;',
    caughtBy: transport('sdk-filter', 'is not told by a server of before what does not meet its filter'),
  },
];
