import type { Command } from 'commander';
import type {
  ClientInfo,
  ClientSession,
  DescribeClientResponse,
  HeldTask,
} from '../../../gen/contact/v1/admin_service_pb.ts';
import { clientDetailToJson } from '../../../json/client.ts';
import { withAdmin } from '../../admin.ts';
import { formatAge, formatInstant } from '../../age.ts';
import { describeCalls, describeSession } from '../../client.ts';
import type { CommandContext } from '../../context.ts';
import { describeRuns, nameOldest } from '../../runs.ts';
import { renderPairs } from '../../table.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';

/** Tasks that people are shown; --json has all that the server tells. */
const MAX_TASKS = 20;

export function addShowCommand(clients: Command, context: CommandContext): void {
  const command = clients
    .command('show <id>')
    .description('show one client: its sessions, what it holds and what it serves')
    .option('--json', 'as a JSON object')
    .action((id: string, options: TargetOptions) => showClient(id, options, context))
    .addHelpText('after', '\nExample:\n  contact clients show robot-7');
  addTargetOptions(command);
}

async function showClient(id: string, options: TargetOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  await withAdmin(options, context, async (admin) => {
    const answer = await admin.describeClient(id);
    if (options.json && answer.client) await out.writeJson(clientDetailToJson(answer.client, answer));
    else await out.write(renderPairs(clientToPairs(answer, Date.now())));
  });
}

function clientToPairs({ client, sessions, methods }: DescribeClientResponse, now: number): [string, string][] {
  if (!client) return [];
  return [
    ['client', client.id],
    ['kind', client.ephemeral ? 'ephemeral (forgotten with its session)' : 'named (remembered)'],
    ['state', `${describeSession(client)}${describeSince(client, now)}`],
    ['principal', client.principal],
    ...Object.entries(client.labels)
      .toSorted()
      .map(([key, value]): [string, string] => ['label', `${key}=${value}`]),
    ['status', client.status],
    ['queues', client.queues.join(' ')],
    ...sessions.flatMap((session) => sessionToPairs(session, now)),
    ...runsToPairs(client, now),
    ['calls', describeCalls(client).replace('/', ' of ')],
    ...methods.map(({ method, calls }): [string, string] => [
      'serves',
      `${method}${calls > 0 ? `  ${calls} ${calls === 1 ? 'call' : 'calls'}` : ''}`,
    ]),
  ];
}

function runsToPairs(client: ClientInfo, now: number): [string, string][] {
  const [p50, p99, failed, oldest] = describeRuns(client, now);
  return [
    ['run times', p50 && p99 ? `half within ${p50}, 99 of 100 within ${p99}` : ''],
    ['failed', failed ? `${failed} runs of the last hour` : ''],
    ['oldest', oldest && `${oldest}  ${nameOldest(client)}`],
  ];
}

function describeSince({ connected, connectedAt, lastSeenAt }: ClientInfo, now: number): string {
  const instant = connected ? connectedAt : lastSeenAt;
  return instant ? `, since ${formatAge(instant, now)} (${formatInstant(instant)})` : '';
}

function sessionToPairs(session: ClientSession, now: number): [string, string][] {
  const { connectedAt, lastReceiptAt, peer, agent, plain, maxInFlight, running, unreceiptedBytes, tasks } = session;
  const parts = [
    `${running} of ${maxInFlight} tasks`,
    `from ${peer}`,
    agent,
    plain ? 'plain' : '',
    connectedAt ? `since ${formatAge(connectedAt, now)}` : '',
    lastReceiptAt ? `receipt ${formatAge(lastReceiptAt, now)} ago` : '',
    unreceiptedBytes > 0n ? `${unreceiptedBytes} bytes not seen` : '',
  ];
  const rest = running - Math.min(tasks.length, MAX_TASKS);
  return [
    ['session', parts.filter(Boolean).join(', ')],
    ...tasks.slice(0, MAX_TASKS).map((task): [string, string] => ['holds', describeHeld(task, plain)]),
    ['holds', rest > 0 && tasks.length > 0 ? `and ${rest} more` : ''],
  ];
}

/** A plain client never says what it has begun. */
function describeHeld({ taskId, delivery, started, cancelRequested }: HeldTask, isPlain: boolean): string {
  const state = [
    started ? 'started' : isPlain ? 'begun or not' : 'not started',
    cancelRequested ? 'cancel requested' : '',
  ];
  return `${taskId}  delivery ${delivery}, ${state.filter(Boolean).join(', ')}`;
}
