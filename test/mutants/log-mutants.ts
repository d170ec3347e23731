import { conformance, e2e, type Mutant, sqlite, transport, unit } from './mutant.ts';

const ROWS = 'server/store/sqlite/rows/tasklog.ts';
const CLIENT = 'client/tasklog.ts';

/** Faults of the logs of tasks: what is kept of them, by whom, and how it comes there. */
export const LOG_MUTANTS: readonly Mutant[] = [
  {
    id: 'a worker shows the secrets that its failures have in them',
    file: 'server/api/status.ts',
    find: 'return cutBytes(hideSecrets(cutBytes(text, maxBytes)), maxBytes);',
    replace: 'return cutBytes(text, maxBytes);',
    caughtBy: transport('misplaced', 'is hidden in what a worker says for people, and left as it is in what is data'),
  },
  {
    id: 'a worker shows the secrets that its words have in them',
    file: 'server/api/status.ts',
    find: 'return cutText(hideSecrets(cutText(text, maxLength)), maxLength);',
    replace: 'return cutText(text, maxLength);',
    caughtBy: transport('misplaced', 'is hidden in what a worker says for people, and left as it is in what is data'),
  },
  {
    id: 'secrets are looked for in the square of the time',
    file: 'shared/redact.ts',
    find: '(?<![\\w-])((?:(?!eyJ)[\\w-])*)eyJ',
    replace: '()eyJ',
    caughtBy: unit('redact', 'takes a time that grows with the text, whatever is in it'),
  },
  {
    id: 'log: of an attempt without end',
    file: ROWS,
    find: '      if (selectNewest.get(taskKey, delivery)!.number > MAX_ATTEMPT_LINES) deleteOfAttempt.run(taskKey, delivery);\n',
    replace: '',
    caughtBy: conformance('tasklog', 'sqlite store keeps the newest hundred lines of a delivery, whatever comes late'),
  },
  {
    id: 'log: of a task without end',
    file: ROWS,
    find: '      if (selectNewestDelivery.get(taskKey)!.delivery > FULL_DELIVERIES) deleteOfTask.run(taskKey);\n',
    replace: '',
    caughtBy: conformance('tasklog', 'sqlite store keeps the newest thousand of a task, of all its deliveries'),
  },
  {
    id: 'log: what is said again takes the place of what was said',
    file: ROWS,
    find: 'INSERT OR IGNORE INTO task_log',
    replace: 'INSERT OR REPLACE INTO task_log',
    caughtBy: conformance('tasklog', 'sqlite store takes a number once, and a task that is not there not at all'),
  },
  {
    id: 'log: of a deleted task stays for ever',
    file: 'server/store/sqlite/rows/forgetting.ts',
    find: "    prepareKeys(db, 'DELETE FROM task_log WHERE task_key IN'),\n",
    replace: '',
    caughtBy: sqlite('tasklog', 'go with their task when it is deleted or pruned'),
  },
  {
    id: 'log: told to whoever asks',
    file: 'server/store/sqlite/listing.ts',
    find: 'return row && isIn(scope, row) ? log.list(row.key, after) : [];',
    replace: 'return row ? log.list(row.key, after) : [];',
    caughtBy: conformance('tasklog', 'sqlite store tells what came after a place, to whoever may see the task'),
  },
  {
    id: 'log: anybody writes into it',
    file: 'server/session/status.ts',
    find: 'logs.filter(isHeld).map(',
    replace: 'logs.map(',
    caughtBy: transport('tasklog', 'is taken of who has the delivery alone, and still after a timeout has closed it'),
  },
  {
    id: 'log: with credentials',
    file: 'server/api/status.ts',
    find: 'hideSecrets(shortenText(mendText(text), MAX_LINE_BYTES))',
    replace: 'shortenText(mendText(text), MAX_LINE_BYTES)',
    caughtBy: transport('tasklog', 'is cut at 1 KiB on a character, ends in a mark then, and hides credentials'),
  },
  {
    id: 'log: a worker is read faster than the store writes',
    file: 'server/session/status.ts',
    find: 'return kept ? kept.then(() => outcomes) : outcomes;',
    replace: 'return outcomes;',
    caughtBy: unit(
      'session-status',
      'answers once the lines are stored, so that who says much is read no faster than that',
    ),
  },
  {
    id: 'log: told twice to who watches',
    file: 'server/api/watcher.ts',
    find: '            toldLine = record.log.at(-1) ?? toldLine;\n',
    replace: '',
    caughtBy: transport('tasklog', 'is told live to who watches, each line once: with the task, or by itself'),
  },
  {
    id: 'worker: lines come after the result',
    file: 'client/tasklog.ts',
    find: '    if (isReported) this.#onLine(log);\n    else this.drop(key);',
    replace: '    if (!isReported) this.drop(key);',
    caughtBy: transport(
      'sdk-log',
      'is kept with the attempt while it runs, with its result, and over a restart of the server',
    ),
  },
  {
    id: 'worker: lines are lost with the line',
    file: CLIENT,
    find: '      log.sentTo = 0;\n',
    replace: '',
    caughtBy: unit('client-tasklog', 'sends each line once over a session, and all that are kept over the next'),
  },
  {
    id: 'worker: lines without end',
    file: CLIENT,
    find: '    while (this.#bytes > MAX_BYTES) this.#makeRoom();\n',
    replace: '',
    caughtBy: unit('client-tasklog', 'is 4 MiB of all deliveries: the oldest go, and what was said last stays'),
  },
  {
    id: 'work: stderr is kept without being asked for',
    file: 'cli/handler.ts',
    find: '...(logsErrors && { onErrorLine: context.log }),',
    replace: 'onErrorLine: context.log,',
    caughtBy: e2e('cli-tasklog', 'is the stderr of a command of contact work --log, and nothing without the flag'),
  },
];
