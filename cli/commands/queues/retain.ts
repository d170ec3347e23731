import type { Command } from 'commander';
import type { QueueRetention } from '../../../client/index.ts';
import type { Queue } from '../../../gen/contact/v1/admin_service_pb.ts';
import type { Json } from '../../../json/plain.ts';
import { someNumber } from '../../../json/plain.ts';
import { withAdmin } from '../../admin.ts';
import type { CommandContext } from '../../context.ts';
import { escapeLine } from '../../escape.ts';
import { usageError } from '../../exit.ts';
import { integerBetween } from '../../number.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';

interface RetainOptions extends TargetOptions {
  readonly days?: number;
  readonly max?: number;
  readonly forever?: boolean;
  readonly default?: boolean;
  readonly create?: boolean;
}

const DAY_MS = 86_400_000;
const DAY_SECONDS = 86_400;

export function addRetainCommand(queues: Command, context: CommandContext): void {
  const command = queues
    .command('retain <queue>')
    .description('say how long the settled tasks of a queue are kept; remembered')
    .option('--days <n>', 'from when a task was settled', integerBetween(1, 36_500))
    .option('--max <n>', 'settled tasks that are kept, the newest', integerBetween(1, 2 ** 32 - 1))
    .option('--forever', 'without a limit')
    .option('--default', 'as long as the server says (contact serve --retain-days, --retain-max)')
    .option('--create', 'also a queue that has no task, no worker and no settings')
    .option('--json', 'as a JSON object')
    .action((queue: string, options: RetainOptions) => retainQueue(queue, options, context))
    .addHelpText(
      'after',
      `
Of --days and --max a limit that is not given is none. What is beyond a limit is forgotten with its result, id and
idempotency key, the oldest results first, once it is ten minutes old. A redriven task stays until it has settled again.

Examples:
  contact queues retain sums --days 30
  contact queues retain sums --days 7 --max 100000
  contact queues retain sums --default`,
    );
  addTargetOptions(command);
}

/** `7 d`, `7 d / 1000000`, `forever`; with a star where the queue has a setting of its own. */
export function describeRetention({ retention, ownRetention }: Queue): string {
  // A server of before says nothing.
  if (!retention) return '';
  return `${describeLimits(retention.seconds / DAY_SECONDS, retention.max)}${ownRetention ? ' *' : ''}`;
}

export function describeLimits(days: number, max: number): string {
  const limits = [days > 0 ? `${Number(days.toFixed(2))} d` : '', max > 0 ? String(max) : ''].filter(Boolean);
  return limits.join(' / ') || 'forever';
}

async function retainQueue(queue: string, options: RetainOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  const retention = readRetention(options);
  await withAdmin(options, context, async (admin) => {
    await admin.setQueueRetention(queue, retention, { create: options.create === true });
    await (options.json
      ? out.writeJson(setRetentionToJson(queue, retention))
      : out.write(`${escapeLine(queue)} keeps settled tasks: ${describe(retention)}\n`));
  });
}

function readRetention({ days, max, forever, default: isDefault }: RetainOptions): QueueRetention {
  const hasLimits = days !== undefined || max !== undefined;
  if ([hasLimits, forever, isDefault].filter(Boolean).length !== 1)
    throw usageError('say one of: limits (--days, --max), --forever, --default');
  if (forever) return 'forever';
  return isDefault ? 'default' : { ...(days === undefined ? {} : { days }), ...(max === undefined ? {} : { max }) };
}

function describe(retention: QueueRetention): string {
  if (typeof retention === 'string') return retention === 'default' ? "by the server's default" : retention;
  return describeLimits(retention.days ?? 0, retention.max ?? 0);
}

/** A retention as it was set; of `default` only the server knows what it is. */
function setRetentionToJson(queue: string, retention: QueueRetention): Json {
  if (retention === 'default') return { queue, ownRetention: false };
  const { days = 0, max = 0 } = retention === 'forever' ? {} : retention;
  return { queue, retention: { maxAgeMs: someNumber(days * DAY_MS), maxTasks: someNumber(max) }, ownRetention: true };
}
