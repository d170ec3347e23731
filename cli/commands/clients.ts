import { type Command, Option } from 'commander';
import type { Admin } from '../../client/index.ts';
import type { ClientInfo } from '../../gen/contact/v1/admin_service_pb.ts';
import { clientToJson } from '../../json/client.ts';
import { withAdmin } from '../admin.ts';
import { formatAge } from '../age.ts';
import { describeCalls, describeLabels, describeQueues, describeServices, describeSession } from '../client.ts';
import type { CommandContext } from '../context.ts';
import { escapeLine } from '../escape.ts';
import { CommandFailure, EXIT } from '../exit.ts';
import { printList } from '../listing.ts';
import { describeRuns, nameOldest, ORDERS, type Order, RUN_COLUMNS, sortClients } from '../runs.ts';
import { addTargetOptions, type TargetOptions } from '../target.ts';
import { addShowCommand } from './clients/show.ts';

interface ListOptions extends TargetOptions {
  readonly connected?: boolean;
  readonly sort: Order;
}

const MAX_PAGE = 500;
const HEADINGS = [
  'client',
  'kind',
  'state',
  'since',
  'receipt',
  'running#',
  'credit#',
  'calls#',
  ...RUN_COLUMNS,
  'task',
  'queues',
  'serves',
  'labels',
  'status',
];

export function fillClientsCommand(command: Command, context: CommandContext): void {
  command.addHelpText('after', '\nExample:\n  contact clients list');
  const list = command
    .command('list')
    .description('list clients by id: those that are connected, and named ones that are away')
    .option('--connected', 'only those that are connected')
    .addOption(new Option('--sort <what>', 'the worst first').choices(ORDERS).default('id'))
    .option('--json', 'one JSON object a line')
    .action((options: ListOptions) => listClients(options, context))
    .addHelpText(
      'after',
      `
kind     named (remembered) or ephemeral (forgotten with its session); plain: without SendStatus
state    connected, draining (takes nothing new) or away
since    how long it has been connected, or away
receipt  how long ago the newest receipt of it came
p50 p99  half of its runs, and 99 of 100, took no longer: of those that ended within the last hour, of which the first
         quarter may be missing; after a restart of the server, since then. Without "started" a run counts from its push
failed   which part of these runs failed, timed out or was lost with its session, and how many they were
oldest   how long the task runs that it has run longest; task: which that is (both to operators of all queues)
status   the newest text that it sent about itself

Examples:
  contact clients list --sort p99
  contact clients list --sort failed --json`,
    );
  addShowCommand(command, context);
  const drain = command
    .command('drain <id>')
    .description('give a client no more tasks until it is resumed')
    .option('--json', 'as a JSON object')
    .action((id: string, options: TargetOptions) => setDraining(id, true, options, context))
    .addHelpText(
      'after',
      `
It finishes or gives back what it has and stays connected. For named clients this is remembered.

Example:
  contact clients drain robot-7`,
    );
  const resume = command
    .command('resume <id>')
    .description('give a client tasks again')
    .option('--json', 'as a JSON object')
    .action((id: string, options: TargetOptions) => setDraining(id, false, options, context))
    .addHelpText('after', '\nExample:\n  contact clients resume robot-7');
  const disconnect = command
    .command('disconnect <id>')
    .description('close the streams of a client once; it may come again and keeps its tasks meanwhile')
    .option('--json', 'as a JSON object')
    .action((id: string, options: TargetOptions) => disconnectClient(id, options, context))
    .addHelpText('after', '\nExample:\n  contact clients disconnect robot-7');
  const forget = command
    .command('forget <id>')
    .description('forget a named client that is away, so that another principal may come by its id')
    .option('--json', 'as a JSON object')
    .action((id: string, options: TargetOptions) => forgetClient(id, options, context))
    .addHelpText(
      'after',
      `
Its id is free then. Its drain is forgotten too; tasks for it wait for whoever comes by its id. It is refused for a client that
may still come back to tasks that it runs (--resume-window of the server), and for one that came in by a join while
its credential lives: revoke that instead (contact token list, contact token revoke).

Example:
  contact clients forget robot-7`,
    );
  for (const command of [list, drain, resume, disconnect, forget]) addTargetOptions(command);
}

async function listClients(options: ListOptions, context: CommandContext): Promise<void> {
  await withAdmin(options, context, async (admin) => {
    const now = Date.now();
    const listing = {
      headings: HEADINGS,
      toRow: (client: ClientInfo) => clientToRow(client, now),
      toJson: clientToJson,
    };
    await printList(listSorted(admin, options), listing, options.json === true, context.out);
  });
}

/** As they come, unless all have to be known first. */
async function* listSorted(admin: Admin, { connected = false, sort }: ListOptions): AsyncGenerator<ClientInfo> {
  const listed = admin.listAllClients({ connectedOnly: connected, pageSize: MAX_PAGE });
  if (sort === 'id') return yield* listed;
  const all: ClientInfo[] = [];
  for await (const client of listed) all.push(client);
  yield* sortClients(all, sort);
}

function clientToRow(client: ClientInfo, now: number): string[] {
  const { id, ephemeral, plain, connected, connectedAt, lastSeenAt, lastReceiptAt } = client;
  return [
    id,
    `${ephemeral ? 'ephemeral' : 'named'}${plain ? ', plain' : ''}`,
    describeSession(client),
    formatAge(connected ? connectedAt : lastSeenAt, now),
    formatAge(lastReceiptAt, now),
    connected ? String(client.running) : '',
    connected ? String(client.maxInFlight) : '',
    describeCalls(client),
    ...describeRuns(client, now),
    nameOldest(client),
    describeQueues(client),
    describeServices(client),
    describeLabels(client),
    client.status,
  ];
}

async function setDraining(
  id: string,
  isDraining: boolean,
  options: TargetOptions,
  context: CommandContext,
): Promise<void> {
  const { out } = context;
  await withAdmin(options, context, async (admin) => {
    await (isDraining ? admin.drainClient(id) : admin.resumeClient(id));
    await (options.json
      ? out.writeJson({ client: id, draining: isDraining })
      : out.write(`${escapeLine(id)} ${isDraining ? 'drains' : 'resumed'}\n`));
  });
}

async function forgetClient(id: string, options: TargetOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  await withAdmin(options, context, async (admin) => {
    await admin.forgetClient(id);
    await (options.json ? out.writeJson({ client: id, forgotten: true }) : out.write(`${escapeLine(id)} forgotten\n`));
  });
}

async function disconnectClient(id: string, options: TargetOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  await withAdmin(options, context, async (admin) => {
    const sessions = await admin.disconnectClient(id);
    if (sessions === 0)
      throw new CommandFailure(`client ${id} is not connected`, EXIT.refused, { code: 'FAILED_PRECONDITION' });
    await (options.json
      ? out.writeJson({ client: id, disconnected: sessions })
      : out.write(`${escapeLine(id)} disconnected\n`));
  });
}
