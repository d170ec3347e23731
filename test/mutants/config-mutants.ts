import type { Mutant } from './mutant.ts';

/** Of the options of a server. */
export const CONFIG_MUTANTS: readonly Mutant[] = [
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
];
