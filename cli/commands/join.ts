import { resolve } from 'node:path';
import type { Command } from 'commander';
import { createAccess, type JoinOptions } from '../../client/access.ts';
import { credentialToJson } from '../../json/access.ts';
import { describeInstant, type RightsFlags, readRights, withAccess } from '../access.ts';
import type { CommandContext } from '../context.ts';
import { parseLifetime } from '../duration.ts';
import { usageError } from '../exit.ts';
import { parseName } from '../names.ts';
import { integerBetween } from '../number.ts';
import { collect } from '../option.ts';
import { reachServer, readConnection } from '../reach.ts';
import { addRightsOptions } from '../rightsflags.ts';
import { addJoinOption, addTargetOptions, parseTarget, type TargetOptions } from '../target.ts';

interface EnrolFlags extends TargetOptions {
  readonly out?: string;
}

interface CreateFlags extends TargetOptions, RightsFlags {
  readonly name: string;
  readonly uses: number;
  readonly ttl?: number;
  readonly lifetime?: number;
  readonly address?: readonly string[];
}

const ROLES = ['worker', 'producer', 'observer'];
const MAX_USES = 100_000;

export function fillJoinCommand(command: Command, context: CommandContext): void {
  command
    // What comes after `create` is of that.
    .enablePositionalOptions()
    .option('--id <id>', 'the client id to enrol as', parseName)
    .option('--out <file>', 'keep the credential here (default: as --credential-file)')
    .option('--json', 'as a JSON object')
    .action((flags: EnrolFlags) => enrol(flags, context))
    .addHelpText(
      'after',
      `
Enrols without working: the credential is drawn here and kept in a file for its owner alone (mode 0600, by default
$XDG_STATE_HOME/contact/ID.json), which "contact work --credential-file" and all other commands take. The server is
where the join text says, and is known by the pin in it before anything is sent. Enrolling again with the same file
changes nothing. "contact work" and "contact expose" do the same by themselves with --join-file.

Example:
  contact join --join-file join.txt --id robot-7`,
    );
  addJoinOption(command);
  addTargetOptions(command);
  const create = command
    .command('create')
    .description('make a join text, which lets clients in')
    .option('--name <name>', 'what it is called', parseName, 'join')
    .option('--uses <n>', 'clients that it lets in', integerBetween(1, MAX_USES), 1)
    .option('--ttl <duration>', 'how long it lets clients in (default: 1h)', parseLifetime)
    .option(
      '--lifetime <duration>',
      'of the credential of a client, which renews it in time (default: 90d)',
      parseLifetime,
    )
    .option(
      '--address <address>',
      'where clients reach the server, if it knows that no better; may be repeated',
      collectAddress,
    )
    .option('--json', 'as a JSON object')
    .action((flags: CreateFlags) => createJoin(flags, context))
    .addHelpText(
      'after',
      `
Prints one line, the join text: whoever has it may come in, so hand it over like a password. It can be printed once.
{client} in a queue stands for the id of the client: one text is for a whole fleet.

Example:
  contact join create --queue 'robots/{client}' --client 'robot-*' --uses 100 --ttl 1h`,
    );
  addRightsOptions(create, ROLES, 'what the clients are: worker (default), producer, observer; may be repeated');
  addTargetOptions(create);
}

async function enrol(flags: EnrolFlags, context: CommandContext): Promise<void> {
  const { joinFile, id, out } = flags;
  if (joinFile === undefined) throw usageError('missing --join-file FILE, or - for stdin');
  const credentialFile = resolve(out ?? flags.credentialFile ?? '');
  const connection = { ...readConnection(flags, context.say), credentialFile };
  await reachServer(connection, flags.connectTimeout);
  const access = createAccess(connection);
  try {
    const { principal, clientId } = await access.describeCaller();
    const client = clientId || id;
    await (flags.json
      ? context.out.writeJson({ client, principal, credentialFile })
      : context.out.write(`enrolled as ${client}, kept in ${credentialFile}\n`));
  } finally {
    await access.close();
  }
}

async function createJoin(flags: CreateFlags, context: CommandContext): Promise<void> {
  const { name, uses, ttl, lifetime, address, role } = flags;
  const rights = readRights(flags);
  if (!flags.client) throw usageError('missing --client: the ids that clients may have, such as robot-* or *');
  if (Object.values(rights).every((list) => list?.length === 0 || list === rights.clients))
    throw usageError('say what the clients may do: --queue, --call or --serve');
  await withAccess(flags, context, async (access) => {
    const { join, credential, addresses } = await access.createJoin({
      name,
      uses,
      ...rights,
      ...(role && { roles: role as NonNullable<JoinOptions['roles']> }),
      ...(ttl === undefined ? {} : { lifetimeMs: ttl }),
      ...(lifetime === undefined ? {} : { clientLifetimeMs: lifetime }),
      ...(address && { addresses: address }),
    });
    if (flags.json) {
      await context.out.writeJson({ join, addresses, ...credentialToJson(credential) });
      return;
    }
    const until = credential.expiresAt ? ` until ${describeInstant(credential.expiresAt)}` : '';
    context.say(`${credential.id} lets in ${uses} client${uses === 1 ? '' : 's'}${until}, at ${addresses.join(', ')}`);
    await context.out.write(`${join}\n`);
  });
}

function collectAddress(text: string, earlier: readonly string[] | undefined): string[] {
  return collect(parseTarget(text), earlier);
}
