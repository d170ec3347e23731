import { type Mutant, transport, unit } from './mutant.ts';

const DELETION = 'server/dispatch/deletion.ts';

/** Faults of deleting queues, and of long acts in steps. */
export const DELETION_MUTANTS: readonly Mutant[] = [
  {
    id: 'deletion: tasks are cancelled although nobody said so',
    file: DELETION,
    find: 'if (!withTasks && found.waiting + found.running > 0)',
    replace: 'if (!withTasks && found.waiting > 0)',
    caughtBy: transport(
      'queue-deletion',
      'is refused while tasks wait or run, unless that is said, and where it is not',
    ),
  },
  {
    id: 'deletion: a dry run deletes',
    file: DELETION,
    find: 'if (isDryRun) return',
    replace: 'if (isDryRun && !withTasks) return',
    caughtBy: transport(
      'queue-deletion',
      'is refused while tasks wait or run, unless that is said, and where it is not',
    ),
  },
  {
    id: 'deletion: settings outlive the queue',
    file: DELETION,
    find: 'if (isDeleted) await',
    replace: 'if (false) await',
    caughtBy: transport(
      'queue-deletion',
      'goes with what waits, what is settled and its settings, and nothing of another one',
    ),
  },
  {
    id: 'deletion: settings go while something runs',
    file: DELETION,
    find: 'if (isDeleted) await',
    replace: 'if (withTasks) await',
    caughtBy: transport('queue-deletion', 'is kept by what runs, which is asked to stop once, until that has ended'),
  },
  {
    id: 'deletion: a step has no end',
    file: DELETION,
    find: 'room -= await act(page);',
    replace: 'await act(page);',
    caughtBy: transport('queue-deletion', 'goes in steps of as many tasks as are asked for'),
  },
  {
    id: 'bulk: a part has no end',
    file: 'server/dispatch/bulk.ts',
    find: '    room -= page.length;\n',
    replace: '',
    caughtBy: transport(
      'bulk-parts',
      'does it to so many, the newest first, says where to go on, and meets nothing that comes meanwhile',
    ),
  },
  {
    id: 'bulk: each step begins anew',
    file: 'cli/commands/tasks/bulk.ts',
    find: '...(pageToken && { pageToken })',
    replace: '',
    caughtBy: unit(
      'cli-bulk',
      'goes on where the step before has ended, until nothing more is found, and counts what was done',
    ),
  },
  {
    id: 'steps: whoever stops them is not heard',
    file: 'cli/steps.ts',
    find: 'if (stoppedBy) return { count, signal: stoppedBy };',
    replace: '',
    caughtBy: unit(
      'cli-steps',
      'ends with the step under way when somebody stops it, and a second time is not its business',
    ),
  },
];
