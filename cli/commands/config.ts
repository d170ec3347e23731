import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { MAX_SOCKET_PATH_BYTES, readSocketPath } from '../../shared/address.ts';
import type { CommandContext } from '../context.ts';
import { usageError } from '../exit.ts';
import { parseName } from '../names.ts';
import {
  findMismatch,
  findProfile,
  findProfileFile,
  PROFILE_FLAGS,
  type Profile,
  readProfiles,
  TRUST,
  writeProfiles,
} from '../profile.ts';
import { renderPairs, renderTable } from '../table.ts';
import { parseTarget } from '../target.ts';

type ProfileFlags = { readonly [K in keyof Profile]?: Profile[K] | undefined } & {
  readonly token?: string;
  readonly json?: boolean;
};

interface ShowOptions {
  readonly json?: boolean;
}

/** The fields that name a file. */
const PATHS: ReadonlySet<string> = new Set(['tokenFile', 'credentialFile', 'tlsCa', 'tlsCert', 'tlsKey']);
const HEADINGS = ['profile', 'server', 'token file', 'tls', 'current'];

export function fillConfigCommand(command: Command, context: CommandContext): void {
  command.addHelpText('after', '\nExample:\n  contact config list');
  command
    .command('set-profile')
    .argument('<name>', 'name of the profile', parseName)
    .description('make a profile, or change what is said of one')
    .addOption(new Option('--server <address>', 'HOST:PORT or unix:PATH').argParser(parseTarget))
    .option('--token-file <file>', 'holds the token; the profile has its path alone')
    .option('--credential-file <file>', 'what came of a join text; it says where the server is, too')
    .addOption(new Option('--token <token>').hideHelp())
    .option('--tls', 'encrypt, and check the server against the well-known authorities')
    .option('--tls-ca <file>', 'encrypt, and check the server against these authorities (PEM)')
    .option('--tls-cert <file>', 'certificate of this client (PEM)')
    .option('--tls-key <file>', 'its key (PEM)')
    .option('--tls-server-name <name>', 'the name that the certificate is for, if --server has another')
    .option('--tls-pin <pin>', 'encrypt, and check the server by this pin of its authority')
    .option('--insecure', 'send the token without TLS, where whoever reads the line may have it')
    .option('--json', 'as a JSON object')
    .action((name: string, flags: ProfileFlags) => setProfile(name, flags, context))
    .addHelpText(
      'after',
      `
What is not said stays as it was. A profile never holds a secret: no token, no key, but the paths of their files.

Example:
  contact config set-profile prod --server tasks.example.org:443 --tls --token-file ~/.contact-token`,
    );
  command
    .command('delete-profile')
    .argument('<name>', 'name of the profile', parseName)
    .description('forget a profile; its files stay')
    .option('--json', 'as a JSON object')
    .action((name: string, options: ShowOptions) => deleteProfile(name, options, context))
    .addHelpText('after', '\nExample:\n  contact config delete-profile prod');
  command
    .command('use')
    .argument('<name>', 'name of the profile', parseName)
    .description('go by a profile where none is named')
    .option('--json', 'as a JSON object')
    .action((name: string, options: ShowOptions) => chooseProfile(name, options, context))
    .addHelpText(
      'after',
      `
Flags come before the environment (CONTACT_SERVER, CONTACT_TOKEN_FILE, …), that before the profile. The current profile
is of its server: with --server or CONTACT_SERVER nothing of it holds, unless --profile or CONTACT_PROFILE names it.

Example:
  contact config use prod`,
    );
  command
    .command('list')
    .description('list profiles by name')
    .option('--json', 'one JSON object a line')
    .action((options: ShowOptions) => listProfiles(options, context))
    .addHelpText('after', '\nExample:\n  contact config list');
  command
    .command('show')
    .argument('[name]', 'name of the profile; default: the current one', parseName)
    .description('show one profile')
    .option('--json', 'as a JSON object')
    .action((name: string | undefined, options: ShowOptions) => showProfile(name, options, context))
    .addHelpText('after', '\nExample:\n  contact config show prod');
}

async function setProfile(name: string, flags: ProfileFlags, context: CommandContext): Promise<void> {
  if (flags.token !== undefined)
    throw usageError('a profile holds no secrets: write the token into a file, --token-file');
  const keys = (Object.keys(PROFILE_FLAGS) as (keyof Profile)[]).filter((key) => flags[key] !== undefined);
  if (keys.length === 0) throw usageError(`say one of: ${Object.values(PROFILE_FLAGS).join(', ')}`);
  const given = keys.map((key) => [key, settle(key, flags[key])]);
  const file = findProfileFile();
  const before = readProfiles(file);
  const known: Profile = { ...(Object.hasOwn(before.profiles, name) && before.profiles[name]) };
  const isReplaced = TRUST.some((key) => flags[key] !== undefined);
  const kept = Object.entries(known).filter(([key]) => !(isReplaced && TRUST.includes(key as keyof Profile)));
  const profile: Profile = Object.fromEntries([...kept, ...given]);
  const mismatch = findMismatch(profile);
  if (mismatch !== undefined) throw usageError(mismatch);
  writeProfiles(file, { ...before, profiles: { ...before.profiles, [name]: profile } });
  await tell(name, profile, before.current === name, flags, context);
}

/** What names a file is kept by its absolute path, as a profile is used in any folder. */
function settle(key: keyof Profile, value: Profile[keyof Profile]): Profile[keyof Profile] {
  if (PATHS.has(key)) return resolve(String(value));
  const path = key === 'server' ? readSocketPath(String(value)) : undefined;
  if (path === undefined) return value;
  const address = `unix:${resolve(path)}`;
  if (readSocketPath(address) === undefined) {
    throw usageError(`--server: ${address} has more than ${MAX_SOCKET_PATH_BYTES} bytes of path: give a shorter one`);
  }
  return address;
}

async function deleteProfile(name: string, options: ShowOptions, { out }: CommandContext): Promise<void> {
  const file = findProfileFile();
  const { current, profiles } = readProfiles(file);
  findProfile({ profiles }, name);
  const rest = Object.fromEntries(Object.entries(profiles).filter(([one]) => one !== name));
  writeProfiles(file, { ...(current === undefined || current === name ? {} : { current }), profiles: rest });
  await (options.json ? out.writeJson({ profile: name, deleted: true }) : out.write(`${name} deleted\n`));
}

async function chooseProfile(name: string, options: ShowOptions, context: CommandContext): Promise<void> {
  const file = findProfileFile();
  const { profiles } = readProfiles(file);
  const profile = findProfile({ profiles }, name);
  writeProfiles(file, { current: name, profiles });
  await tell(name, profile, true, options, context);
}

async function listProfiles(options: ShowOptions, { out }: CommandContext): Promise<void> {
  const { current, profiles } = readProfiles(findProfileFile());
  const sorted = Object.entries(profiles).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (options.json) {
    for (const [name, profile] of sorted) await out.writeJson({ profile: name, current: name === current, ...profile });
    return;
  }
  const rows = sorted.map(([name, { server = '', tokenFile = '', tls, tlsCa, tlsServerName, tlsPin }]) => [
    name,
    server,
    tokenFile,
    tlsCa ?? (tls || tlsServerName !== undefined || tlsPin !== undefined ? 'yes' : ''),
    name === current ? '*' : '',
  ]);
  if (rows.length > 0) await out.write(renderTable(HEADINGS, rows, out.isTerminal));
}

async function showProfile(given: string | undefined, options: ShowOptions, context: CommandContext): Promise<void> {
  const profiles = readProfiles(findProfileFile());
  const name = given ?? profiles.current;
  if (name === undefined) throw usageError('no profile is the current one: contact config use NAME');
  await tell(name, findProfile(profiles, name), name === profiles.current, options, context);
}

async function tell(
  name: string,
  profile: Profile,
  isCurrent: boolean,
  { json }: ShowOptions,
  { out }: CommandContext,
): Promise<void> {
  if (json) {
    await out.writeJson({ profile: name, current: isCurrent, ...profile });
    return;
  }
  const keys = Object.keys(PROFILE_FLAGS) as (keyof Profile)[];
  const pairs = keys.map((key) => [PROFILE_FLAGS[key].slice(2), String(profile[key] ?? '')] as const);
  await out.write(renderPairs([['profile', isCurrent ? `${name} (current)` : name], ...pairs]));
}
