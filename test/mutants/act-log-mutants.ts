import { conformance, type Mutant, sqlite, transport, unit } from './mutant.ts';

const ROWS = 'server/store/act/acts.ts';
const MODEL = 'server/model/act.ts';

/** Faults of what is told of operators' acts. */
export const ACT_LOG_MUTANTS: readonly Mutant[] = [
  {
    id: 'acts: what was taken back is told',
    file: ROWS,
    find: '    noted.clear();\n    const found',
    replace: '    const found',
    caughtBy: sqlite('acts', 'are not there where what they tell of was taken back'),
  },
  {
    id: 'acts: the oldest of all are pushed out',
    file: ROWS,
    find: 'ORDER BY count(*) DESC, min(number) LIMIT 1',
    replace: 'ORDER BY min(number) LIMIT 1',
    caughtBy: sqlite('acts', 'are no more than there may be: the oldest go of whoever has the most'),
  },
  {
    id: 'acts: what changed nothing is told',
    file: 'server/store/act/requestacts.ts',
    find: 'if (changed.length === 0) return;',
    replace: '',
    caughtBy: conformance(
      'acts',
      'sqlite store tells of credentials that are made, replaced and revoked, each once, and of no secret',
    ),
  },
  {
    id: 'acts: what nobody ordered is told',
    file: 'server/store/sqlite/tasks.ts',
    find: 'if (isOrder) actLog.note',
    replace: 'actLog.note',
    caughtBy: conformance(
      'acts',
      'sqlite store tells nothing of what nobody is named for, what changed nothing, and what nobody ordered',
    ),
  },
  {
    id: 'acts: a row for each task',
    file: ROWS,
    find: 'const isJoined = before !== undefined && isTogether(before, act);',
    replace: 'const isJoined = false as boolean;',
    caughtBy: conformance(
      'acts',
      'sqlite store tells as one what is alike within a minute, in the place of the last of it',
    ),
  },
  {
    id: 'acts: of queues of others',
    file: MODEL,
    find: '(queue === null || isInScope(part.scope, queue)) &&',
    replace: '',
    caughtBy: unit('act', 'tells operators of a queue what was done to it, and to no other'),
  },
  {
    id: 'acts: credentials are told of to any operator',
    file: MODEL,
    find: 'if (queue === null && clientId === null) return mayDoEverything(caller) || act.by === nameCaller(caller);',
    replace: '',
    caughtBy: transport(
      'acts',
      'is told by principals: of queues to their operators, of credentials to who may do everything, or did it',
    ),
  },
];
