import { conformance, type Mutant, sqlite, transport, unit } from './mutant.ts';

const FAILURES = 'server/store/sqlite/failures.ts';
const KINDS = 'server/store/sqlite/rows/failures.ts';

/** Faults of what is counted of failures. */
export const FAILURE_MUTANTS: readonly Mutant[] = [
  {
    id: 'failures: those of other queues are counted',
    file: FAILURES,
    find: 'queue !== undefined && isInScope(scope, queue) && (',
    replace: 'queue !== undefined && (',
    caughtBy: conformance('failures', 'sqlite store keeps to queues of the scope'),
  },
  {
    id: 'failures: clients are counted over all queues',
    file: FAILURES,
    find: '(isAll ? byClient : limitTo(byClientWanted, ids))',
    replace: 'byClient',
    caughtBy: conformance('failures', 'sqlite store keeps to queues of the scope'),
  },
  {
    id: 'failures: who asks is not asked for its queues',
    file: 'server/api/failures.ts',
    find: 'maxGroups || DEFAULT_PAGE, caller.scope)',
    replace: 'maxGroups || DEFAULT_PAGE)',
    caughtBy: transport(
      'access-matrix',
      'contact.v1.AdminService/ListFailures: nobody, of another queue, told as if there were none',
    ),
  },
  {
    id: 'failures: those of one instant beyond what is counted at once are left out',
    file: FAILURES,
    find: '?? since, end - 1)',
    replace: '?? since, Number.MAX_SAFE_INTEGER)',
    caughtBy: sqlite('failures', 'of many failures are counted in parts, each failure once'),
  },
  {
    id: 'failures: kinds without a bound',
    file: KINDS,
    find: "return isFull(queueId) ? add(queueId, '', '') : add",
    replace: 'return add',
    caughtBy: sqlite('failures', 'are so many at most, and what comes then is counted as one of its queue'),
  },
  {
    id: 'failures: kinds are never forgotten',
    file: KINDS,
    find: 'if (isFull(queueId)) pruneFailureKinds(db);',
    replace: '',
    caughtBy: sqlite('failures', 'are forgotten once no failure is of them, so that there is room again'),
  },
  {
    id: 'failures: every failure is final',
    file: 'server/store/sqlite/rows/attempts.ts',
    find: "isFinal: decision.kind === 'settled' && decision.state === 'failed',",
    replace: 'isFinal: true,',
    caughtBy: conformance(
      'failures',
      'sqlite store counts attempts after which the task runs again, and says which left it failed',
    ),
  },
  {
    id: 'failures: each id makes a group of its own',
    file: 'server/model/failure.ts',
    find: "return word.length >= ID_LENGTH ? '#'",
    replace: "return word.length >= 1_000 ? '#'",
    caughtBy: unit('failurekinds', 'has a mark for each number and each id'),
  },
];
