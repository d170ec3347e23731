import { e2e, type Mutant, transport, unit } from './mutant.ts';

/** Who fills the audit log, or is not in it; and who has no call because of others. */
export const AUDIT_MUTANTS: readonly Mutant[] = [
  {
    id: 'access: what others ask for in vain fills the audit log',
    file: 'server/api/audit.ts',
    find: 'logs.others : logs.vain',
    replace: 'logs.others : logs.others',
    caughtBy: transport(
      'audit',
      'has a pace for what others ask for in vain, counts what it left out, and has each act of an operator',
    ),
  },
  {
    id: 'access: what others do has no pace in the audit log',
    file: 'server/logs.ts',
    find: 'const others = createPacedLog({ logger: told, clock, linesPerSecond: 100, burst: 1_000 });',
    replace: 'const others = createPacedLog({ logger: told, clock, linesPerSecond: 1e9, burst: 1e9 });',
    caughtBy: unit(
      'logs',
      'tells 1,000 lines at once of what others do, then a hundred a second, beside those of what they do in vain',
    ),
  },
  {
    id: 'access: what is left out of the audit log is told to the other one',
    file: 'server/logs.ts',
    find: 'const vain = createPacedLog({ logger: told,',
    replace: 'const vain = createPacedLog({ logger,',
    caughtBy: unit(
      'logs',
      'tells 20 lines at once of what others ask for in vain, then one a second, and counts those that it leaves out',
    ),
  },
  {
    id: 'access: what operators do is left out of the audit log',
    file: 'server/api/audit.ts',
    find: 'isOperators && isDone ? logs.done',
    replace: 'isOperators && isDone ? logs.others',
    caughtBy: unit(
      'logs',
      'tells all that operators do, and of what they ask for in vain as much as of what others do',
    ),
  },
  {
    id: 'access: the socket of operators has no calls of its own',
    file: 'server/transport/open_calls.ts',
    find: "if (caller?.kind === 'local') return 2 * OPERATOR_RESERVE;",
    replace: "if (caller?.kind === 'local') return OPERATOR_RESERVE;",
    caughtBy: transport(
      'principal-limits',
      'who has the socket of operators has a hundred calls beyond all others, fifty of them beyond those of other operators',
    ),
  },
  {
    id: 'access: how much was left out is not in the file of the audit log',
    file: 'cli/serve/log.ts',
    find: "if (audit && 'audit' in fields) auditor",
    replace: "if (audit && 'audit' in fields && severity === 'info') auditor",
    caughtBy: e2e(
      'cli-log',
      'has a pace in that file too for what others ask for in vain, and a line with how many it left out',
    ),
  },
];
