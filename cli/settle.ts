import type { Command } from 'commander';
import { holdsCredential } from '../shared/redact.ts';
import type { CommandContext } from './context.ts';
import { findCredentialPath } from './credentialpath.ts';
import { usageError } from './exit.ts';
import { findProfile, findProfileFile, PROFILE_FLAGS, readProfiles, TRUST } from './profile.ts';
import { parseTarget } from './target.ts';

/** Where the value of an option comes from: the nearer one is heeded. */
const FLAG_RANK = 3;
const RANKS: ReadonlyMap<string, number> = new Map([
  ['config', 1],
  ['env', 2],
  ['cli', FLAG_RANK],
]);

/**
 * Completes the flags of a command that speaks to a server, before it runs: flags come before the environment, that
 * before the profile, and all of them before the defaults.
 * @throws CommandFailure with exit code 2 for a profile that there is not, and for two tokens
 */
export function settleTarget(command: Command, context: CommandContext): void {
  if (!command.options.some(({ long }) => long === '--profile')) return;
  applyProfile(command);
  settleJoin(command);
  chooseProof(command);
  // Where a join text says where the server is, nobody has to say it again.
  const isTold = command.getOptionValue('credentialFile') !== undefined;
  if (isTold && rankOf(command, 'server') === 0) command.setOptionValue('server', undefined);
  if (rankOf(command, 'token') === FLAG_RANK)
    context.say('contact: --token can be read by every user of this machine (ps): use --token-file or CONTACT_TOKEN');
  if (holdsCredential(String(command.getOptionValue('joinFile') ?? '')))
    context.say(
      'contact: --join-file has the text itself, which every user of this machine can read (ps): give a file, or -',
    );
}

/** What a client proves itself with, and what each is called. */
const PROOFS: ReadonlyMap<string, string> = new Map([
  ['token', '--token (CONTACT_TOKEN)'],
  ['tokenFile', '--token-file (CONTACT_TOKEN_FILE)'],
  ['credentialFile', '--credential-file (CONTACT_CREDENTIAL_FILE)'],
]);

/** Leaves the one that is said nearest. */
function chooseProof(command: Command): void {
  const ranks = [...PROOFS.keys()].map((name) => [name, rankOf(command, name)] as const);
  const nearest = Math.max(...ranks.map(([, rank]) => rank));
  if (nearest === 0) return;
  const [chosen, second] = ranks.filter(([, rank]) => rank === nearest);
  if (chosen && second) throw usageError(`${PROOFS.get(chosen[0])} or ${PROOFS.get(second[0])}, not both`);
  for (const [name] of ranks) if (name !== chosen?.[0]) command.setOptionValue(name, undefined);
}

/** What comes of a join text is kept in a file of its client, unless another is named. */
function settleJoin(command: Command): void {
  if (command.getOptionValue('joinFile') === undefined || rankOf(command, 'credentialFile') === FLAG_RANK) return;
  const id = command.getOptionValue('id') as string | undefined;
  if (id === undefined) throw usageError('--join-file goes with --id, the client id to enrol as');
  command.setOptionValueWithSource('credentialFile', findCredentialPath(id), 'cli');
}

/**
 * A current profile is of its server: what is said to another one has nothing of it. One that is named holds with any
 * server, unless a join text or a credential, which say themselves where their server is, are given nearer.
 */
function applyProfile(command: Command): void {
  const named = command.getOptionValue('profile') as string | undefined;
  if (named === undefined && rankOf(command, 'server') > 0) return;
  if (rankOfTold(command) > rankOf(command, 'profile')) return;
  const profiles = readProfiles(findProfileFile());
  const name = named ?? profiles.current;
  if (name === undefined) return;
  const profile = findProfile(profiles, name);
  const isTrustGiven = TRUST.some((key) => rankOf(command, key) > 0);
  for (const key of Object.keys(PROFILE_FLAGS) as (keyof typeof PROFILE_FLAGS)[]) {
    const value = profile[key];
    if (value === undefined || rankOf(command, key) > 0 || (isTrustGiven && TRUST.includes(key))) continue;
    command.setOptionValueWithSource(key, key === 'server' ? readServer(name, String(value)) : value, 'config');
  }
}

/** How near something is given that says where its server is; 0: nothing is, or another proof is heeded in its place. */
function rankOfTold(command: Command): number {
  const told = Math.max(rankOf(command, 'joinFile'), rankOf(command, 'credentialFile'));
  return told < Math.max(rankOf(command, 'token'), rankOf(command, 'tokenFile')) ? 0 : told;
}

function readServer(profile: string, text: string): string {
  try {
    return parseTarget(text);
  } catch (error) {
    throw usageError(`profile ${profile}: server: ${(error as Error).message}`);
  }
}

function rankOf(command: Command, option: string): number {
  return RANKS.get(command.getOptionValueSource(option) ?? '') ?? 0;
}
