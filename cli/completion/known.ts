import { Command } from 'commander';
import { type Admin, createAdmin } from '../../client/admin.ts';
import { silentLogger } from '../../client/options.ts';
import type { CommandContext } from '../context.ts';
import { findProfileFile, readProfiles } from '../profile.ts';
import { readConnection } from '../reach.ts';
import { settleTarget } from '../settle.ts';
import { addTargetOptions, type TargetOptions } from '../target.ts';
import type { LookUp } from './suggest.ts';

/** Somebody waits with a finger on the key. */
const DEADLINE_MS = 700;
/** One page: names beyond it are not offered. */
const PAGE_SIZE = 500;

/**
 * Names that are known: queues and clients to the server that `words` are about, profiles to a file. Whatever goes wrong
 * is silence, since a shell in the middle of a line has no place for it.
 */
export function createLookUp(words: readonly string[], context: CommandContext): LookUp {
  return async (kind) => {
    try {
      if (kind === 'profile') return Object.keys(readProfiles(findProfileFile()).profiles);
      return await askServer(words, context, (admin) => (kind === 'queue' ? listQueues(admin) : listClients(admin)));
    } catch {
      return [];
    }
  };
}

async function askServer(
  words: readonly string[],
  context: CommandContext,
  ask: (admin: Admin) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const quiet: CommandContext = { ...context, say: () => undefined, sayLines: () => undefined };
  const command = addTargetOptions(new Command()).allowUnknownOption().allowExcessArguments().exitOverride();
  command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
  // The word that is being typed may be half a flag.
  command.parse(words.slice(0, -1), { from: 'user' });
  settleTarget(command, quiet);
  const connection = readConnection(command.opts<TargetOptions>(), quiet.say);
  const admin = createAdmin({ ...connection, logger: silentLogger, patienceMs: 0, deadlineMs: DEADLINE_MS });
  try {
    return await ask(admin);
  } finally {
    await admin.close();
  }
}

async function listQueues(admin: Admin): Promise<readonly string[]> {
  return (await admin.listQueues({ pageSize: PAGE_SIZE })).queues.map(({ name }) => name);
}

async function listClients(admin: Admin): Promise<readonly string[]> {
  return (await admin.listClients({ pageSize: PAGE_SIZE })).clients.map(({ id }) => id);
}
