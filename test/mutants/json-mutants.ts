import { e2e, type Mutant, unit } from './mutant.ts';

/** Faults of what commands print. */
export const JSON_MUTANTS: readonly Mutant[] = [
  {
    id: 'json: a client by another name',
    file: 'json/task.ts',
    find: 'client: someText(task.clientId)',
    replace: 'clientId: someText(task.clientId)',
    caughtBy: e2e('cli-json', 'is the vocabulary of tasks that are settled'),
  },
  {
    id: 'json: what there is not is an empty text',
    file: 'json/plain.ts',
    find: "return text === '' ? undefined : text;",
    replace: 'return text;',
    caughtBy: e2e('cli-json', 'is the vocabulary of tasks that are settled'),
  },
  {
    id: 'json: errors are for people alone',
    file: 'cli/context.ts',
    find: 'if (isJson) writeNotice({ error',
    replace: 'if (err.isTTY) writeNotice({ error',
    caughtBy: e2e('cli-json', 'is the vocabulary of tasks that are settled'),
  },
  {
    id: 'json: a word of a newer server is none',
    file: 'json/word.ts',
    find: '?? String(number)',
    replace: "?? ''",
    caughtBy: unit('cli-json', 'take a kind that only a newer server knows by its number'),
  },

  {
    id: 'table: rows are kept until all have come',
    file: 'cli/table.ts',
    find: 'measured.length === MEASURED_ROWS ? begin()',
    replace: 'measured.length === MEASURED_ROWS ? undefined',
    caughtBy: unit('cli-table', 'prints each that follows at once, and lets a wider cell move the next ones'),
  },
  {
    id: 'table: few rows wait for the next ones',
    file: 'cli/table.ts',
    find: 'timer ??= setTimeout(begin, MEASURED_MS);',
    replace: '',
    caughtBy: unit('cli-table', 'does not keep few rows back while others are waited for'),
  },
  {
    id: 'work: metadata names any variable',
    file: 'cli/taskenv.ts',
    find: 'META_PREFIX}',
    replace: "''}",
    caughtBy: unit(
      'cli-taskenv',
      'sets nothing that means something to a shell or a loader, whatever a producer calls its metadata',
    ),
  },
  {
    id: 'work: a command is told of the task that its worker was run for',
    file: 'cli/taskenv.ts',
    find: 'stale.map((name) => [name, undefined])',
    replace: 'stale.map((name) => [name, inherited[name]])',
    caughtBy: unit('cli-taskenv', 'takes out what a command would inherit of another task'),
  },
  {
    id: 'enqueue: an id of ones own is another',
    file: 'cli/enqueue.ts',
    find: '    id: options.id,',
    replace: '',
    caughtBy: e2e('cli-enqueue', 'stores metadata, backoff and an id of ones own'),
  },
];
