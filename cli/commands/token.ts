import type { Command } from 'commander';
import type { NewToken } from '../../client/access.ts';
import { type Credential, CredentialKind } from '../../gen/contact/v1/access_service_pb.ts';
import { credentialToJson } from '../../json/access.ts';
import { describeInstant, describeRights, describeState, type RightsFlags, readRights, withAccess } from '../access.ts';
import type { CommandContext } from '../context.ts';
import { parseDuration, parseLifetime } from '../duration.ts';
import { shorten } from '../escape.ts';
import { usageError } from '../exit.ts';
import { printList } from '../listing.ts';
import { parseName } from '../names.ts';
import { addRightsOptions } from '../rightsflags.ts';
import { addTargetOptions, type TargetOptions } from '../target.ts';

interface CreateFlags extends TargetOptions, RightsFlags {
  readonly name: string;
  readonly expires?: number;
}

interface RevokeFlags extends TargetOptions {
  readonly withWhatItMade?: boolean;
}

interface RotateFlags extends TargetOptions {
  readonly overlap?: number;
}

const ROLES = ['worker', 'producer', 'observer', 'operator'];
const HEADINGS = ['id', 'kind', 'name', 'roles', 'queues', 'clients', 'made by', 'made with', 'used', 'state'];
const MAX_SHOWN = 40;
const EVERYTHING = ['*'];
const KINDS: ReadonlyMap<CredentialKind, string> = new Map([
  [CredentialKind.TOKEN, 'token'],
  [CredentialKind.JOIN, 'join'],
  [CredentialKind.CLIENT, 'client'],
]);

export function fillTokenCommand(command: Command, context: CommandContext): void {
  command.addHelpText('after', "\nExample:\n  contact token create --name web --role producer --queue 'mail/*'");
  const create = command
    .command('create')
    .description('make a token for one program')
    .requiredOption('--name <name>', 'what it is called, and who calls with it: token:NAME', parseName)
    .option('--expires <duration>', 'until it expires (default: never)', parseLifetime)
    .option('--json', 'as a JSON object')
    .action((flags: CreateFlags) => createToken(flags, context))
    .addHelpText(
      'after',
      `
Prints one line, the token, which nobody can read again: "umask 077; contact token create … > FILE" puts it where
--token-file and tokenFile of the SDK look. What is not said is not allowed; an operator may do everything, unless it is
limited by one of these flags.

Examples:
  contact token create --name web --role producer --queue 'mail/*' --expires 90d
  contact token create --name ops --role operator`,
    );
  addRightsOptions(create, ROLES, 'worker, producer, observer, operator; may be repeated');
  const list = command
    .command('list')
    .description('list credentials: tokens, joins, and clients that came by one')
    .option('--json', 'one JSON object a line')
    .action((flags: TargetOptions) => listCredentials(flags, context))
    .addHelpText(
      'after',
      '\nThose that were revoked or have expired are listed for 30 days.\n\nExample:\n  contact token list',
    );
  const revoke = command
    .command('revoke <credential>')
    .description('end a token, a join or a client, by its id')
    .option('--with-what-it-made', 'after a theft: also all that was made with it, let in by it or rotated with it')
    .option('--json', 'as a JSON object')
    .action((id: string, flags: RevokeFlags) => revokeCredential(id, flags, context))
    .addHelpText(
      'after',
      `
What is open of it ends within a second, and its tasks go to others. A client that is revoked is not let in again by a
join text that was made before; clients that came by a join stay when that is revoked, and so does what an operator's
token has made. --with-what-it-made ends these too, and what they have made in turn: do it with another credential than
the one that was stolen, such as the operator's socket.

Examples:
  contact token revoke k3v9x0a1b2c3d4e5
  contact token revoke k3v9x0a1b2c3d4e5 --with-what-it-made`,
    );
  const rotate = command
    .command('rotate <credential>')
    .description('make another token in place of one, with the same rights')
    .option('--overlap <duration>', 'how long the one before lives on (default: 10m)', parseDuration)
    .option('--json', 'as a JSON object')
    .action((id: string, flags: RotateFlags) => rotateCredential(id, flags, context))
    .addHelpText(
      'after',
      `
Prints the new token. Programs that read theirs from a file go on with the new one once it is there.

Example:
  contact token rotate k3v9x0a1b2c3d4e5 --overlap 1h`,
    );
  for (const one of [create, list, revoke, rotate]) addTargetOptions(one);
}

async function createToken(flags: CreateFlags, context: CommandContext): Promise<void> {
  const { name, role, expires } = flags;
  if (!role) throw usageError(`missing --role: one of ${ROLES.join(', ')}`);
  const given = readRights(flags);
  const isUnlimited = Object.values(given).every((list) => list?.length === 0);
  if (isUnlimited && !role.includes('operator'))
    throw usageError('say what it may do: --queue, --client, --call or --serve');
  if (role.includes('worker') && !isUnlimited && !flags.client)
    throw usageError('a worker needs --client: the ids that it may have, such as robot-* or *');
  const everything = { queues: EVERYTHING, clients: EVERYTHING, calls: EVERYTHING, serves: EVERYTHING };
  await withAccess(flags, context, async (access) => {
    const made = await access.createToken({
      name,
      roles: role,
      ...(isUnlimited ? everything : given),
      ...(expires === undefined ? {} : { lifetimeMs: expires }),
    });
    await tellToken(made, flags, context);
  });
}

async function rotateCredential(id: string, flags: RotateFlags, context: CommandContext): Promise<void> {
  const { overlap } = flags;
  if (overlap !== undefined && overlap % 1_000 !== 0) throw usageError('--overlap: expected whole seconds');
  await withAccess(flags, context, async (access) => {
    const made = await access.rotate(id, overlap === undefined ? {} : { overlapMs: overlap });
    await tellToken(made, flags, context);
  });
}

async function tellToken(
  { token, credential }: NewToken,
  { json }: TargetOptions,
  context: CommandContext,
): Promise<void> {
  if (json) {
    await context.out.writeJson({ token, ...credentialToJson(credential) });
    return;
  }
  const until = credential.expiresAt ? `, until ${describeInstant(credential.expiresAt)}` : '';
  context.say(`${credential.id} is ${credential.principal}${until}; the token is shown this once`);
  await context.out.write(`${token}\n`);
}

async function revokeCredential(id: string, flags: RevokeFlags, context: CommandContext): Promise<void> {
  const { withWhatItMade = false, json } = flags;
  await withAccess(flags, context, async (access) => {
    const revocation = await access.revoke(id, withWhatItMade ? { withWhatItMade } : {});
    const { revokedCount, livingCount } = revocation;
    if (json) return context.out.writeJson({ id, revoked: true, ...revocation });
    const more = withWhatItMade ? `, ${revokedCount} with all that was made with it` : '';
    await context.out.write(`${id} revoked${more}\n`);
    if (livingCount > 0)
      context.say(`${livingCount} that were made with it live on: --with-what-it-made ends those too`);
  });
}

async function listCredentials(flags: TargetOptions, context: CommandContext): Promise<void> {
  await withAccess(flags, context, async (access) => {
    const now = Date.now();
    const listing = { headings: HEADINGS, toRow: (one: Credential) => rowOf(one, now), toJson: credentialToJson };
    await printList(access.listAllCredentials(), listing, flags.json === true, context.out);
  });
}

function rowOf(credential: Credential, now: number): string[] {
  const { id, kind, name, rights, createdBy, madeWith, lastUsedAt, usesLeft } = credential;
  const [roles = '', queues = '', clients = ''] = describeRights(rights).map(([, text]) => shorten(text, MAX_SHOWN));
  const kindName = KINDS.get(kind) ?? '';
  const used = usesLeft === undefined ? '' : `${usesLeft} left`;
  return [
    id,
    kindName,
    name,
    roles,
    queues,
    clients,
    shorten(createdBy, MAX_SHOWN),
    madeWith,
    lastUsedAt ? describeInstant(lastUsedAt) : used,
    describeState(credential, now),
  ];
}
