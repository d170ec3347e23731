import type { Command } from 'commander';
import type { GetServerInfoResponse, Queue } from '../../../gen/contact/v1/admin_service_pb.ts';
import { withAdmin } from '../../admin.ts';
import type { CommandContext } from '../../context.ts';
import { renderTable } from '../../table.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';

/** How near something is to a limit. */
interface Nearness {
  /** Absent: of the server as a whole. */
  readonly queue?: string;
  readonly limit: string;
  readonly used: number;
  readonly max: number;
}

const HEADINGS = ['queue', 'limit', 'used#', 'max#', 'near#'];

export function addLimitsCommand(queues: Command, context: CommandContext): void {
  const command = queues
    .command('limits [queue...]')
    .description('tell which limits there are, and how near they are, the nearest first')
    .option('--json', 'one JSON object a line')
    .action((names: string[], options: TargetOptions) => printLimits(names, options, context))
    .addHelpText(
      'after',
      `
max_waiting  tasks of the queue that wait, ready or scheduled: more are refused
max_running  tasks of the queue that run: others wait meanwhile
retain_max   settled tasks of the queue that are kept: of more the oldest are forgotten
(server)     what all clients share, told to operators where no queue is named; docs/limits.md has every limit

Queues have limits where they were set, by "queues limit" or "queues retain"; "retain_max" also by default.

Examples:
  contact queues limits
  contact queues limits sums --json`,
    );
  addTargetOptions(command);
}

async function printLimits(names: string[], options: TargetOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  await withAdmin(options, context, async (admin) => {
    const found: Nearness[] = [];
    for await (const queue of admin.listAllQueues())
      if (names.length === 0 || names.includes(queue.name)) found.push(...limitsOf(queue));
    if (names.length === 0) found.push(...serverLimitsOf(await admin.serverInfo()));
    found.sort((a, b) => b.used / b.max - a.used / a.max);
    if (options.json) for (const near of found) await out.writeJson(near);
    else if (found.length > 0) await out.write(renderTable(HEADINGS, found.map(nearnessToRow), out.isTerminal));
  });
}

function limitsOf({ name, limits, retention, ...of }: Queue): Nearness[] {
  const { ready, scheduled, running, succeeded, failed, cancelled, expired } = of;
  const settled = succeeded + failed + cancelled + expired;
  return [
    { queue: name, limit: 'max_waiting', used: ready + scheduled, max: limits?.maxWaiting ?? 0 },
    { queue: name, limit: 'max_running', used: running, max: limits?.maxRunning ?? 0 },
    { queue: name, limit: 'retain_max', used: settled, max: retention?.max ?? 0 },
  ].filter(({ max }) => max > 0);
}

function serverLimitsOf({ limitsUsed }: GetServerInfoResponse): Nearness[] {
  return limitsUsed
    .map(({ name, used, max }) => ({ limit: name, used: Number(used), max: Number(max) }))
    .filter(({ max }) => max > 0);
}

function nearnessToRow({ queue, limit, used, max }: Nearness): string[] {
  return [queue ?? '(server)', limit, String(used), String(max), `${Math.floor((100 * used) / max)} %`];
}
