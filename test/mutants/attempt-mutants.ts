import { conformance, type Mutant, sqlite, transport, unit } from './mutant.ts';

const ROWS = 'server/store/sqlite/rows/attempts.ts';

/** Faults of what is kept of attempts, and of what workers tell of their failures. */
export const ATTEMPT_MUTANTS: readonly Mutant[] = [
  {
    id: 'attempts: without end',
    file: ROWS,
    find: '    if (delivery > MAX_KEPT) deleteOld.run(taskKey);\n',
    replace: '',
    caughtBy: conformance('attempts', 'sqlite store is of the newest twenty'),
  },
  {
    id: 'attempts: who gives back pushes out what was done',
    file: ROWS,
    find: '    if (isUntouched) deleteUntouched.run(taskKey, delivery - 1);\n',
    replace: '',
    caughtBy: conformance(
      'attempts',
      'sqlite store tells a delivery with which nothing was done, of several in a row only the newest',
    ),
  },
  {
    id: 'attempts: a loss stays when its client is back',
    file: 'server/store/sqlite/deliveries.ts',
    find: '        attempts.drop(row.key, row.delivery);\n',
    replace: '',
    caughtBy: conformance(
      'attempts',
      'sqlite store is a loss, with what was known of its start, until the client comes back to it',
    ),
  },
  {
    id: 'attempts: a loss stays beside its late result',
    file: ROWS,
    find: "} else if (open.from === 'ready') drop(key, delivery);",
    replace: '}',
    caughtBy: conformance('attempts', 'sqlite store is a loss no more once its result came late'),
  },
  {
    id: 'attempts: those of a deleted task stay for ever',
    file: 'server/store/sqlite/rows/forgetting.ts',
    find: "    prepareKeys(db, 'DELETE FROM attempt WHERE task_key IN'),\n",
    replace: '',
    caughtBy: sqlite('attempts', 'go with their task when it is deleted or pruned'),
  },
  {
    id: 'attempts: a timeout is a failure',
    file: 'server/model/attempt.ts',
    find: "return isTold ? 'failed' : 'timedOut';",
    replace: "return 'failed';",
    caughtBy: conformance('attempts', 'sqlite store tells a timeout from a failure'),
  },
  {
    id: 'attempts: observers are told the detail',
    file: 'server/model/delivery.ts',
    find: 'withoutDetail(error), isTold)',
    replace: 'error, isTold)',
    caughtBy: conformance(
      'attempts',
      'sqlite store is the detail of the last error too, which the results log has not',
    ),
  },
  {
    id: 'attempts: a detail without end',
    file: 'server/api/status.ts',
    find: "showBytes(error?.detail ?? '', MAX_DETAIL_BYTES)",
    replace: "error?.detail ?? ''",
    caughtBy: transport(
      'attempts',
      'have a detail of 4 KiB at most: it is cut on a character, and not told to observers',
    ),
  },
  {
    id: 'attempts: when they began is forgotten',
    file: 'server/session/ledger.ts',
    find: '  return held?.startedAt || null;',
    replace: '  return held ? null : null;',
    caughtBy: transport('attempts', 'tell timeouts, cancels, releases and losses apart, and when each began'),
  },
  {
    id: 'worker: the detail is told though it is not to be',
    file: 'client/task.ts',
    find: "listener.errorDetail ? detailOf(thrown) : ''",
    replace: 'detailOf(thrown)',
    caughtBy: transport('sdk-failing', 'is said at its side, and kept with where it came from, unless it is not to'),
  },
  {
    id: 'worker: a chain of causes without end',
    file: 'client/detail.ts',
    find: ' && !seen.has(error) && seen.size < MAX_CAUSES',
    replace: ' && stacks.length < 1_000',
    caughtBy: unit('client-detail', 'ends where causes go round, or on and on'),
  },
  {
    id: 'worker: a line for each failure, however many',
    file: 'client/failurelog.ts',
    find: '    if (count > MAX_LINES) return;\n',
    replace: '',
    caughtBy: unit('client-failurelog', 'is ten lines a second, and how many more there were'),
  },
];
