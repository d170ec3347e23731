import type { Command } from 'commander';
import type { CommandContext } from './context.ts';
import { usageError } from './exit.ts';
import { findProfile, findProfileFile, PROFILE_FLAGS, readProfiles } from './profile.ts';
import { parseTarget } from './target.ts';

/** Where the value of an option comes from: the nearer one is heeded. */
const RANKS: Readonly<Record<string, number>> = { config: 1, env: 2, cli: 3 };

/**
 * Completes the flags of a command that speaks to a server, before it runs: flags come before the environment, that
 * before the profile, and all of them before the defaults.
 * @throws CommandFailure with exit code 2 for a profile that there is not, and for two tokens
 */
export function settleTarget(command: Command, context: CommandContext): void {
  if (!command.options.some(({ long }) => long === '--profile')) return;
  applyProfile(command);
  const [token, file] = [rankOf(command, 'token'), rankOf(command, 'tokenFile')];
  if (token > 0 && token === file)
    throw usageError('--token and --token-file (CONTACT_TOKEN, CONTACT_TOKEN_FILE): only one');
  if (token > file) command.setOptionValue('tokenFile', undefined);
  else if (file > token) command.setOptionValue('token', undefined);
  if (token === RANKS.cli)
    context.say('contact: --token can be read by every user of this machine (ps): use --token-file or CONTACT_TOKEN');
}

/** A current profile is of its server: what is said to another one has nothing of it. One that is named always holds. */
function applyProfile(command: Command): void {
  const named = command.getOptionValue('profile') as string | undefined;
  const isElsewhere = rankOf(command, 'server') > 0;
  if (named === undefined && isElsewhere) return;
  const profiles = readProfiles(findProfileFile());
  const name = named ?? profiles.current;
  if (name === undefined) return;
  const profile = findProfile(profiles, name);
  for (const key of Object.keys(PROFILE_FLAGS) as (keyof typeof PROFILE_FLAGS)[]) {
    const value = profile[key];
    if (value === undefined || rankOf(command, key) > 0) continue;
    command.setOptionValueWithSource(key, key === 'server' ? readServer(name, String(value)) : value, 'config');
  }
}

function readServer(profile: string, text: string): string {
  try {
    return parseTarget(text);
  } catch (error) {
    throw usageError(`profile ${profile}: server: ${(error as Error).message}`);
  }
}

function rankOf(command: Command, option: string): number {
  return RANKS[command.getOptionValueSource(option) ?? ''] ?? 0;
}
