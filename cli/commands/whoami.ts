import type { Command } from 'commander';
import { callerToJson } from '../../json/access.ts';
import { describeInstant, describeRights, withAccess } from '../access.ts';
import type { CommandContext } from '../context.ts';
import { renderPairs } from '../table.ts';
import { addTargetOptions, type TargetOptions } from '../target.ts';

export function fillWhoamiCommand(command: Command, context: CommandContext): void {
  command
    .option('--json', 'as a JSON object')
    .action((options: TargetOptions) => describe(options, context))
    .addHelpText(
      'after',
      `
principal is who you are in the server's log, and to whom your sessions are bound; credential is the id of what you
proved that with, for "contact token rotate" and "revoke".

Example:
  contact whoami --token-file web.token`,
    );
  addTargetOptions(command);
}

async function describe(options: TargetOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  await withAccess(options, context, async (access) => {
    const caller = await access.describeCaller();
    if (options.json) {
      await out.writeJson(callerToJson(caller));
      return;
    }
    const { principal, kind, rights, expiresAt, clientId, credentialId } = caller;
    const pairs = [
      ['principal', principal || '(this server asks nobody who they are)'],
      ['known by', kind],
      ['client', clientId],
      ['credential', credentialId],
      ...describeRights(rights),
      ['until', expiresAt ? describeInstant(expiresAt) : ''],
    ] as const;
    await out.write(renderPairs(pairs));
  });
}
