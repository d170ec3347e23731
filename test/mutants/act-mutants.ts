import { conformance, type Mutant, sqlite, transport, unit } from './mutant.ts';

const TASKS = 'server/store/sqlite/tasks.ts';

/** Faults of what is kept of who did what. */
export const ACT_MUTANTS: readonly Mutant[] = [
  {
    id: 'acts of a task: without end',
    file: 'server/store/sqlite/rows/taskacts.ts',
    find: '      if (number > MAX_TASK_ACTS) deleteOld.run(taskKey, number - MAX_TASK_ACTS);\n',
    replace: '',
    caughtBy: conformance(
      'taskacts',
      'sqlite store is every redrive, and the cancel after them: the oldest first, the newest twenty',
    ),
  },
  {
    id: 'acts of a task: who asks once more takes the place of who cancelled it',
    file: TASKS,
    find: '    if (row.cancelReason === null) {\n      acts.note(',
    replace: '    {\n      acts.note(',
    caughtBy: conformance(
      'taskacts',
      'sqlite store is the first cancel of a running one, once it is asked for, and stays when it ends otherwise',
    ),
  },
  {
    id: "acts of a task: a purge is nobody's",
    file: 'server/store/sqlite/queues.ts',
    find: "          acts.note(task_key, { kind: 'cancelled', at: now, by, reason });\n",
    replace: '',
    caughtBy: conformance('taskacts', 'sqlite store is a purge of its queue'),
  },
  {
    id: 'acts of a task: what a broadcast held was cancelled by nobody',
    file: 'server/store/sqlite/broadcasts.ts',
    find: "        acts.note(childKey, { kind: 'cancelled', at: now, by, reason });\n",
    replace: '',
    caughtBy: conformance(
      'taskacts',
      'sqlite store is of the children that a broadcast holds while it is filled those of who cancelled it',
    ),
  },
  {
    id: 'acts of a task: those of a broadcast that is abandoned stay for ever',
    file: 'server/store/sqlite/broadcasts.ts',
    find: '    acts.forget(key);\n',
    replace: '',
    caughtBy: sqlite('taskacts', 'go with their task when it is deleted, pruned or taken away unopened'),
  },
  {
    id: 'acts of a task: those of a deleted task stay for ever',
    file: 'server/store/sqlite/rows/forgetting.ts',
    find: "    prepareKeys(db, 'DELETE FROM task_act WHERE task_key IN'),\n",
    replace: '',
    caughtBy: sqlite('taskacts', 'go with their task when it is deleted, pruned or taken away unopened'),
  },
  {
    id: 'acts of a task: names of principals are told to everybody',
    file: 'server/model/taskact.ts',
    find: "act.by === own ? act : { ...act, by: '' }",
    replace: 'act.by === own ? act : { ...act }',
    caughtBy: transport('taskacts', 'is told to who may see the task, and who it was to operators and to themselves'),
  },
  {
    id: 'acts of a task: names are told to operators of other queues',
    file: 'server/model/taskact.ts',
    find: ' && isInScope(scope, queue)',
    replace: '',
    caughtBy: unit('taskact', 'names nobody to who is an operator of other queues alone'),
  },
  {
    id: 'acts of a task: by nobody',
    file: 'server/dispatch/queue.ts',
    find: 'store.cancelTasks(ids, reason, clock.now(), scope, by, isOrder)',
    replace: "store.cancelTasks(ids, reason, clock.now(), scope, '', isOrder)",
    caughtBy: transport('taskacts', 'is told to who may see the task, and who it was to operators and to themselves'),
  },
];
