import type { Command } from 'commander';
import { limitsToJson } from '../../../json/queue.ts';
import { withAdmin } from '../../admin.ts';
import type { CommandContext } from '../../context.ts';
import { escapeLine } from '../../escape.ts';
import { usageError } from '../../exit.ts';
import { integerBetween } from '../../number.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';

interface LimitOptions extends TargetOptions {
  readonly maxWaiting?: number;
  readonly maxRunning?: number;
  readonly none?: boolean;
  readonly create?: boolean;
}

interface Limits {
  readonly maxWaiting: number;
  readonly maxRunning: number;
}

/** What the contract's 32 bits hold. */
const MAX_LIMIT = 2 ** 32 - 1;

export function addLimitCommand(queues: Command, context: CommandContext): void {
  const command = queues
    .command('limit <queue>')
    .description('say how many tasks of a queue may wait, and how many may run at once; remembered')
    .option('--max-waiting <n>', 'more are refused', integerBetween(1, MAX_LIMIT))
    .option('--max-running <n>', 'over all workers; others wait meanwhile', integerBetween(1, MAX_LIMIT))
    .option('--none', 'without a limit')
    .option('--create', 'also a queue that has no task, no worker and no settings')
    .option('--json', 'as a JSON object')
    .action((queue: string, options: LimitOptions) => limitQueue(queue, options, context))
    .addHelpText(
      'after',
      `
Of --max-waiting and --max-running a limit that is not given is none. What waits or runs beyond a new limit is left alone.
"queues limits" tells how near they are.

Examples:
  contact queues limit sums --max-running 20
  contact queues limit sums --max-waiting 100000 --max-running 20
  contact queues limit sums --none`,
    );
  addTargetOptions(command);
}

async function limitQueue(queue: string, options: LimitOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  const limits = readLimits(options);
  await withAdmin(options, context, async (admin) => {
    await admin.setQueueLimits(queue, limits, { create: options.create === true });
    await (options.json
      ? out.writeJson({ queue, limits: limitsToJson(limits) })
      : out.write(`${escapeLine(queue)}: ${describe(limits)}\n`));
  });
}

function readLimits({ maxWaiting = 0, maxRunning = 0, none = false }: LimitOptions): Limits {
  const hasLimits = maxWaiting > 0 || maxRunning > 0;
  if (hasLimits === none) throw usageError('say one of: limits (--max-waiting, --max-running), --none');
  return { maxWaiting, maxRunning };
}

function describe({ maxWaiting, maxRunning }: Limits): string {
  const waiting = maxWaiting > 0 ? `at most ${maxWaiting} wait` : 'any number may wait';
  return `${waiting}, ${maxRunning > 0 ? `at most ${maxRunning} run` : 'any number may run'}`;
}
