import { createFileRegistry, type Registry } from '@bufbuild/protobuf';
import type { Command } from 'commander';
import type { Admin } from '../../client/admin.ts';
import { createReflection, type Reflection } from '../../client/reflection.ts';
import { findNear, suggest } from '../../shared/near.ts';
import { withAdmin } from '../admin.ts';
import { describeSymbol, readDescriptors } from '../call/source.ts';
import { explainUndescribed } from '../call/undescribed.ts';
import type { CommandContext } from '../context.ts';
import { escapeLines, shorten } from '../escape.ts';
import { usageError } from '../exit.ts';
import { readConnection } from '../reach.ts';
import { describeTypes, findService, listServices, type ServiceView } from '../services/list.ts';
import { type Described, describeAsProto } from '../services/prototext.ts';
import type { Server } from '../services/servers.ts';
import { createTemplate } from '../services/template.ts';
import { renderPairs, renderTable } from '../table.ts';
import { addTargetOptions, type TargetOptions } from '../target.ts';

interface DescribeOptions extends TargetOptions {
  readonly descriptors?: string;
  readonly template?: boolean;
}

const MAX_SHOWN = 60;
const SERVICE_HEADINGS = ['service', 'methods#', 'calls#', 'clients'];
const METHOD_HEADINGS = ['method', 'request', 'answer'];

export function fillServicesCommand(command: Command, context: CommandContext): void {
  command.addHelpText('after', '\nExample:\n  contact services list');
  const list = command
    .command('list [service]')
    .description('list the services that can be called; of one: its methods')
    .option('--json', 'one JSON object a line')
    .action((service: string | undefined, options: TargetOptions) => listWhatIsServed(service, options, context))
    .addHelpText(
      'after',
      `
What connected clients serve comes first, then what the server itself does. methods is empty for a service that its
clients do not describe; calls counts live calls that run. A client that is drained takes no new ones.

Examples:
  contact services list
  contact services list helloworld.Greeter --json`,
    );
  const describe = command
    .command('describe <symbol>')
    .description('show a service, method, message or enum as a .proto file declares it')
    .option('--template', 'a JSON request to be filled in instead: of a message, of what a method takes')
    .option('--descriptors <file>', 'look into this FileDescriptorSet instead of asking the server')
    .option('--json', 'as a JSON object')
    .action((symbol: string, options: DescribeOptions) => describeOne(symbol, options, context))
    .addHelpText(
      'after',
      `
Examples:
  contact services describe helloworld.Greeter
  contact services describe helloworld.Greeter/SayHello --template > request.json`,
    );
  for (const one of [list, describe]) addTargetOptions(one);
}

/** Runs `work` with a server that answers. */
async function withServer(
  options: TargetOptions,
  context: CommandContext,
  work: (asking: Reflection, admin: Admin) => Promise<void>,
): Promise<void> {
  await withAdmin(options, context, async (admin) => {
    const asking = createReflection(readConnection(options, context.say));
    try {
      await work(asking, admin);
    } finally {
      await asking.close();
    }
  });
}

async function listWhatIsServed(
  service: string | undefined,
  options: TargetOptions,
  context: CommandContext,
): Promise<void> {
  await withServer(options, context, async (asking, admin) => {
    if (service === undefined) await printServices(await listServices(asking, admin), options, context);
    else await printService(await findService(asking, admin, service), options, context);
  });
}

async function printServices(
  views: readonly ServiceView[],
  { json }: TargetOptions,
  { out }: CommandContext,
): Promise<void> {
  if (json) {
    for (const { service, desc, clients } of views) {
      await out.writeJson({
        service,
        methods: desc?.methods.map(({ name }) => name),
        clients: clients?.map(calleeToJson),
      });
    }
    return;
  }
  const rows = views.map(({ service, desc, clients }) => [
    service,
    desc ? String(desc.methods.length) : '',
    clients ? String(clients.reduce((sum, { calls }) => sum + calls, 0)) : '',
    clients ? shorten(clients.map(nameServer).join(','), MAX_SHOWN) : '(the server)',
  ]);
  await out.write(renderTable(SERVICE_HEADINGS, rows, out.isTerminal));
}

async function printService({ service, desc, clients }: ServiceView, { json }: TargetOptions, context: CommandContext) {
  const { out } = context;
  const methods = desc?.methods ?? [];
  if (json) {
    for (const method of methods) {
      const [request, answer] = describeTypes(method);
      const callees = clients?.map(calleeToJson);
      await out.writeJson({
        method: `${service}/${method.name}`,
        kind: method.methodKind,
        request,
        answer,
        clients: callees,
      });
    }
  } else if (methods.length > 0) {
    const rows = methods.map((method) => [method.name, ...describeTypes(method)]);
    await out.write(renderTable(METHOD_HEADINGS, rows, out.isTerminal));
    if (clients) await out.write(renderPairs([['served by', clients.map(describeServer).join(', ')]]));
  }
  if (!desc) context.say(`${service} is served by ${clients?.map(({ id }) => id).join(', ')}, and described by nobody`);
}

function calleeToJson({ id, calls, draining }: Server) {
  return { client: id, calls, draining };
}

function nameServer({ id, draining }: Server): string {
  return draining ? `${id} (drained)` : id;
}

function describeServer(server: Server): string {
  const { calls } = server;
  const name = nameServer(server);
  return calls === 0 ? name : `${name} (${calls} ${calls === 1 ? 'call' : 'calls'})`;
}

async function describeOne(given: string, options: DescribeOptions, context: CommandContext): Promise<void> {
  const symbol = given.replace(/^[./]/, '').replace('/', '.');
  if (options.descriptors !== undefined) {
    const files = readDescriptors(options.descriptors);
    const found = find(files, symbol);
    const names = [...files].map(({ typeName }) => typeName);
    if (!found) throw usageError(`the file has no ${symbol}${suggest(findNear(symbol, names), names)}`);
    await printSymbol(symbol, found, options, context);
    return;
  }
  await withServer(options, context, async (asking, admin) => {
    const set = await describeSymbol(asking, symbol);
    const found = set && find(createFileRegistry(set), symbol);
    if (!found) throw await explainUndescribed(symbol, asking, admin);
    await printSymbol(symbol, found, options, context);
  });
}

function find(files: Registry, symbol: string): Described | undefined {
  const at = symbol.lastIndexOf('.');
  const method = files.getService(symbol.slice(0, at))?.methods.find(({ name }) => name === symbol.slice(at + 1));
  return files.get(symbol) ?? method;
}

async function printSymbol(
  symbol: string,
  desc: Described,
  options: DescribeOptions,
  { out }: CommandContext,
): Promise<void> {
  if (!options.template) {
    const proto = describeAsProto(desc);
    await (options.json ? out.writeJson({ symbol, kind: desc.kind, proto }) : out.write(escapeLines(proto)));
    return;
  }
  if (desc.kind !== 'message' && desc.kind !== 'rpc') {
    throw usageError(`--template is of a message or a method, and ${symbol} is another kind of thing (${desc.kind})`);
  }
  const template = createTemplate(desc.kind === 'rpc' ? desc.input : desc);
  await (options.json ? out.writeJson(template) : out.write(`${escapeLines(JSON.stringify(template, null, 2))}\n`));
}
