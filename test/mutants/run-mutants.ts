import { type Mutant, transport, unit } from './mutant.ts';

const ENDS = 'server/session/ends.ts';
const RESULTS = 'server/session/results.ts';

/** Faults of what is counted of clients' runs. */
export const RUN_MUTANTS: readonly Mutant[] = [
  {
    id: 'runs: what ended long ago counts on',
    file: ENDS,
    find: '.filter(({ number }) => number > oldest)',
    replace: '',
    caughtBy: unit('client-ends', 'forgets what ended an hour ago, and nothing of the last three quarters'),
  },
  {
    id: 'runs: clients that have gone are never forgotten',
    file: ENDS,
    find: 'if (gone.size > MAX_GONE)',
    replace: 'if (gone.size > 2 * MAX_GONE)',
    caughtBy: unit(
      'client-ends',
      'remembers a client that comes back, and 10,000 that have gone, those that went last',
    ),
  },
  {
    id: 'runs: what was not stored counts',
    file: RESULTS,
    find: "if (outcome.code !== 'STORED' || outcome.event?.state === 'cancelled') return;",
    replace: '',
    caughtBy: transport('client-runs', 'fail by their timeout and with their session, and not by a cancel'),
  },
  {
    id: 'runs: a start that came with its end counts from the push',
    file: RESULTS,
    find: 'session.tellsStarts ? session.quietSince : 0',
    replace: '0',
    caughtBy: transport(
      'client-runs',
      'take no longer than since the message before, where the start comes with the end',
    ),
  },
  {
    id: 'runs: what a lost session had begun counts nowhere',
    file: 'server/session/absence.ts',
    find: 'noteLosses(session);',
    replace: '',
    caughtBy: transport('client-runs', 'fail by their timeout and with their session, and not by a cancel'),
  },
  {
    id: 'runs: what the client has taken over counts as lost',
    file: 'server/session/absence.ts',
    find: 'holder?.held === held && holder.session.ledger === ledger',
    replace: 'holder?.held === held',
    caughtBy: transport('client-runs', 'go on with the session that the client comes back to'),
  },
  {
    id: 'runs: what a client runs is told to anybody',
    file: 'server/api/clients.ts',
    find: "oldest && scope.queues === 'all'",
    replace: 'oldest',
    caughtBy: unit(
      'api-clients',
      'that runs longest is told to who may see all queues, how runs ended to whoever sees the client',
    ),
  },
];
