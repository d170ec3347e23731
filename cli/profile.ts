import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { isName } from '../shared/ids.ts';
import { readPlainFile } from '../shared/plainfile.ts';
import { CommandFailure, usageError } from './exit.ts';

/** Which server commands speak to, and by which files; a profile never holds a secret itself. */
export interface Profile {
  readonly server?: string;
  readonly tokenFile?: string;
  readonly credentialFile?: string;
  readonly tls?: true;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsServerName?: string;
  readonly tlsPin?: string;
  readonly insecure?: true;
}

/** The flags that a profile may stand for, by their names in the file, in the order in which they are shown. */
export const PROFILE_FLAGS: Readonly<Record<keyof Profile, string>> = Object.freeze({
  server: '--server',
  tokenFile: '--token-file',
  credentialFile: '--credential-file',
  tls: '--tls',
  tlsCa: '--tls-ca',
  tlsCert: '--tls-cert',
  tlsKey: '--tls-key',
  tlsServerName: '--tls-server-name',
  tlsPin: '--tls-pin',
  insecure: '--insecure',
});

/** The fields that are switches. */
const SWITCHES: ReadonlySet<string> = new Set(['tls', 'insecure']);

/** Ways to trust a server of which one holds: who says one does not mean the other any more. */
export const TRUST: readonly (keyof Profile)[] = Object.freeze(['tlsCa', 'tlsPin']);

/** What the file of profiles holds. */
export interface Profiles {
  /** The one that commands go by which name none; undefined: they go by the defaults. */
  readonly current?: string;
  readonly profiles: Readonly<Record<string, Profile>>;
}

const NONE: Profiles = Object.freeze({ profiles: Object.freeze({}) });

/** `$XDG_CONFIG_HOME/contact/config.json`, or that below `~/.config`. */
export function findProfileFile(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment.XDG_CONFIG_HOME || join(homedir(), '.config'), 'contact', 'config.json');
}

/** The profiles of a file; a file that is not there has none. @throws CommandFailure with exit code 2 for one that is wrong */
export function readProfiles(path: string): Profiles {
  let text: string;
  try {
    text = readPlainFile(path).bytes.toString();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NONE;
    throw usageError((error as Error).message);
  }
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (error) {
    throw usageError(`${path} is no JSON: ${(error as Error).message}`);
  }
  const problem = findProblem(read);
  if (problem !== undefined) throw usageError(`${path}: ${problem}`);
  return read as Profiles;
}

/** Replaces the file as a whole: whoever reads it meanwhile sees the old one or the new one. */
export function writeProfiles(path: string, profiles: Profiles): void {
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(draft, `${JSON.stringify(profiles, null, 2)}\n`);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new CommandFailure(`cannot write the profiles: ${path}: ${(error as Error).message}`);
  }
}

/** The profile of this name. @throws CommandFailure with exit code 2, which tells the names that there are */
export function findProfile({ profiles }: Profiles, name: string): Profile {
  if (Object.hasOwn(profiles, name)) return profiles[name]!;
  const names = Object.keys(profiles).toSorted();
  const hint = names.length > 0 ? `there are: ${names.join(', ')}` : 'make one: contact config set-profile';
  throw usageError(`no profile ${JSON.stringify(name)}; ${hint}`);
}

/** What is wrong with the content of a file; undefined: nothing. */
function findProblem(read: unknown): string | undefined {
  if (!isObject(read)) return 'expected an object with `profiles`';
  for (const key of Object.keys(read)) if (key !== 'current' && key !== 'profiles') return `unknown field ${key}`;
  const { current, profiles } = read;
  if (!isObject(profiles)) return 'profiles: expected an object';
  for (const [name, profile] of Object.entries(profiles)) {
    const problem = isName(name) ? findProfileProblem(profile) : 'expected a name';
    if (problem !== undefined) return `profiles.${name}: ${problem}`;
  }
  if (current === undefined) return undefined;
  if (typeof current !== 'string' || !Object.hasOwn(profiles, current))
    return 'current: expected the name of a profile';
  return undefined;
}

function findProfileProblem(profile: unknown): string | undefined {
  if (!isObject(profile)) return 'expected an object';
  for (const [key, value] of Object.entries(profile)) {
    if (!Object.hasOwn(PROFILE_FLAGS, key))
      return `unknown field ${key}; known: ${Object.keys(PROFILE_FLAGS).join(', ')}`;
    const isSwitch = SWITCHES.has(key);
    if (isSwitch ? value !== true : typeof value !== 'string' || value === '')
      return `${key}: expected ${isSwitch ? 'true, or nothing' : 'a text'}`;
  }
  return findMismatch(profile);
}

/** What of a profile does not go together, in the words of its flags; undefined: all does. */
export function findMismatch({ tlsCert, tlsKey, tlsCa, tlsPin }: Profile): string | undefined {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) return '--tls-cert and --tls-key go together';
  if (tlsCa !== undefined && tlsPin !== undefined) return '--tls-ca or --tls-pin, not both';
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
