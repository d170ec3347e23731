import { e2e, type Mutant, transport, unit } from './mutant.ts';

/** Of the options of a server, and of what its log tells. */
export const CONFIG_MUTANTS: readonly Mutant[] = [
  {
    id: 'config: a named pipe is waited for',
    file: 'shared/plainfile.ts',
    find: 'constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)',
    replace: 'constants.O_RDONLY',
    caughtBy: unit('plainfile', 'is refused by name where it is a named pipe or a device: a configuration'),
  },
  {
    id: 'flag forgotten',
    file: 'server/config/sources.ts',
    find: '  for (const [name, texts] of flags) take(',
    replace: '  for (const [name, texts] of flags) if (!environment[variableOf(name)]) take(',
    caughtBy: {
      file: 'test/unit/config.test.ts',
      title: 'lets a flag outweigh the environment, and that the file, and tells where each came from',
    },
  },
  {
    id: 'options of a program: an empty list is taken',
    file: 'server/config/values.ts',
    find: 'value.length >= min && ',
    replace: '',
    caughtBy: unit('values', 'names the option, what was expected and what came'),
  },
  {
    id: 'options of a program: no number is one',
    file: 'server/config/values.ts',
    find: 'isFractional ? Number.isFinite : Number.isSafeInteger',
    replace: "(value: unknown) => typeof value === 'number'",
    caughtBy: unit('values', 'are whole numbers: a whole number from 1 to 9'),
  },
  {
    id: 'YAML loaded by every server',
    file: 'server/config/sources.ts',
    find: "import type { Entry, readConfigFile } from './file.ts';",
    replace: "import type { Entry, readConfigFile } from './file.ts';\nimport './file.ts';",
    caughtBy: e2e(
      'cli-modules',
      'of a contact serve that has no file, no JWTs and no metrics are only those that it needs',
    ),
  },
  {
    id: 'unknown line skipped',
    file: 'server/config/file.ts',
    find: 'else if (!keys.has(key))\n      problems.push(',
    replace: 'else if (!keys.has(key)) Array.of(',
    caughtBy: {
      file: 'test/unit/config.test.ts',
      title: 'refuses everything that is wrong at once, with file, line and key',
    },
  },
  {
    id: 'secret option shown',
    file: 'server/config/row.ts',
    find: "isSecret && texts.length > 0 ? '(set)' : ",
    replace: '',
    caughtBy: { file: 'test/unit/config.test.ts', title: 'shows no secret and no password' },
  },
  {
    id: 'refused act untold',
    file: 'server/api/audit.ts',
    find: '      note(request, context, error);\n',
    replace: '',
    caughtBy: transport(
      'audit',
      'tells what operators do: who, from where, what, and what came of it; and not what programs do',
    ),
  },
  {
    id: 'end of a session untold',
    file: 'server/session/registry.ts',
    find: '    journal.ended(session, error);\n',
    replace: '',
    caughtBy: transport(
      'audit',
      'tells when a client comes, is lost, resumes, is drained, replaced and disconnected, and nothing of tasks',
    ),
  },
  {
    id: 'log without a pace',
    file: 'shared/pacedlog.ts',
    find: 'if (tokens < 1) return false;',
    replace: '',
    caughtBy: {
      file: 'test/unit/pacedlog.test.ts',
      title: 'writes a burst, counts what is beyond by its message, and tells that in one line',
    },
  },
];
