import { e2e, type Mutant, transport } from './mutant.ts';

const tokenFile = (title: string) => transport('sdk-token', `tokenFile ${title}`);

/** Of what clients prove themselves with. */
export const ACCESS_MUTANTS: readonly Mutant[] = [
  {
    id: 'token file: it is not looked at again',
    file: 'client/credential/tokenfile.ts',
    find: 'if (clock.monotonic() - lookedAt >= LOOK_MS) refresh();',
    replace: '',
    caughtBy: tokenFile('is read anew by calls of a connection that stands, once a second'),
  },
  {
    id: 'token file: others may read it',
    file: 'client/credential/secretfile.ts',
    find: 'const OTHERS = 0o077;',
    replace: 'const OTHERS = 0o007;',
    caughtBy: tokenFile('that others can read is warned of, and only then'),
  },
  {
    id: 'token: it is quoted by its own refusal',
    file: 'client/options.ts',
    find: "show: () => 'another value',",
    replace: 'show: (value: unknown) => JSON.stringify(value),',
    caughtBy: transport('sdk-token', 'the token of the SDK is told to nobody in errors'),
  },
  {
    id: 'profiles: the current one is for every server',
    file: 'cli/settle.ts',
    find: 'if (named === undefined && isElsewhere) return;',
    replace: '',
    caughtBy: e2e('cli-config', 'contact config comes after flags and the environment, and before the defaults'),
  },
];
