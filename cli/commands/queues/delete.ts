import type { Command } from 'commander';
import type { Admin, QueueDeletion } from '../../../client/index.ts';
import { pause } from '../../../client/pause.ts';
import type { Json } from '../../../json/plain.ts';
import { systemClock } from '../../../shared/clock.ts';
import { BULK_DEADLINE_MS, withAdmin } from '../../admin.ts';
import { confirm } from '../../confirm.ts';
import type { CommandContext } from '../../context.ts';
import { escapeLine } from '../../escape.ts';
import { CommandFailure } from '../../exit.ts';
import { exitCodeOfSignal } from '../../signals.ts';
import { runSteps, type Step } from '../../steps.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';
import { countTasks, describeCounts } from '../../task.ts';

interface DeleteOptions extends TargetOptions {
  readonly withTasks?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** Tasks of one step: a moment of the server's time. */
const STEP = 2_000;
/** Between two looks at what runs still. */
const LOOK_MS = 500;

export function addDeleteCommand(queues: Command, context: CommandContext): void {
  const command = queues
    .command('delete <queue>')
    .description('take a queue away: its settings, what is settled and its results, and with --with-tasks what waits')
    .option('--with-tasks', 'cancel what waits, and ask what runs to stop')
    .option('--dry-run', 'tell what would be done, and do nothing')
    .option('--yes', 'do not ask')
    .option('--json', 'as a JSON object')
    .action((queue: string, options: DeleteOptions) => deleteQueue(queue, options, context))
    .addHelpText(
      'after',
      `
A queue with tasks that wait or run is refused without --with-tasks. What runs is waited for: it ends when its worker says
so, or after the server's --cancel-grace. What is settled is forgotten at once, however young it is, with ids and
idempotency keys; observers who have not read it are told how many results are missing. Tasks that come meanwhile stay.
Asks on a terminal; anywhere else it needs --yes. Ctrl-C ends it after the step that is under way: what is done is done.

Examples:
  contact queues delete sums --dry-run
  contact queues delete sums --with-tasks --yes`,
    );
  addTargetOptions(command);
}

async function deleteQueue(queue: string, options: DeleteOptions, context: CommandContext): Promise<void> {
  const { withTasks = false, dryRun = false } = options;
  await withAdmin(
    options,
    context,
    async (admin) => {
      const found = await admin.deleteQueue(queue, { dryRun: true });
      if (dryRun) return printPlan(queue, found, options, context);
      if (!withTasks && found.waiting + found.running > 0) {
        throw new CommandFailure(`${queue} has ${describeThere(found)}: --with-tasks cancels what waits and runs`);
      }
      await confirm(`Delete the queue ${queue}? It has ${describeThere(found)}.`, options.yes === true, context);
      await deleteInSteps(queue, found, withTasks, admin, options, context);
    },
    BULK_DEADLINE_MS,
  );
}

async function deleteInSteps(
  queue: string,
  found: QueueDeletion,
  withTasks: boolean,
  admin: Admin,
  options: DeleteOptions,
  context: CommandContext,
): Promise<void> {
  const sum = { cancelled: 0, askedToStop: 0, forgotten: 0 };
  let left = found;
  // What waits is cancelled, and then forgotten as what had been settled before.
  const total = 2 * (found.waiting + found.running) + found.settled;
  async function step(): Promise<Step> {
    left = await admin.deleteQueue(queue, { withTasks, max: STEP });
    const count = left.cancelled + left.askedToStop + left.forgotten;
    sum.cancelled += left.cancelled;
    sum.askedToStop += left.askedToStop;
    sum.forgotten += left.forgotten;
    const isWaitedFor = left.running > 0 && left.waiting === 0;
    if (count === 0 && isWaitedFor) await pause(systemClock, LOOK_MS);
    // Whoever goes on enqueueing would keep it going for ever.
    const isOvertaken = sum.cancelled + sum.askedToStop > found.waiting + found.running;
    return { count, isLast: left.deleted || isOvertaken || (count === 0 && !isWaitedFor) };
  }
  const { signal } = await runSteps(step, context, { total });
  const { deleted } = left;
  if (options.json) await context.out.writeJson({ queue, ...sum, ...thereToJson(left), deleted });
  else await context.out.write(`${escapeLine(queue)} ${deleted ? 'deleted' : 'not deleted'}${describeDone(sum)}\n`);
  if (deleted) return;
  const why = signal ? 'stopped' : 'tasks came meanwhile';
  const failure = `${why}: ${queue} has ${describeThere(left)}`;
  throw new CommandFailure(failure, signal && exitCodeOfSignal(signal));
}

async function printPlan(
  queue: string,
  { waiting, running, settled }: QueueDeletion,
  { withTasks = false, json = false }: DeleteOptions,
  context: CommandContext,
): Promise<void> {
  const isRefused = !withTasks && waiting + running > 0;
  if (json) {
    await context.out.writeJson({
      queue,
      dryRun: true,
      refused: isRefused,
      ...thereToJson({ waiting, running, settled }),
    });
    return;
  }
  const acts = [
    waiting > 0 ? `cancel ${countTasks(waiting)}` : '',
    running > 0 ? `ask ${countTasks(running)} to stop` : '',
    settled > 0 ? `forget ${countTasks(settled)} with ${settled === 1 ? 'its result' : 'their results'}` : '',
  ].filter(Boolean);
  const plan = acts.length > 0 ? `: ${acts.join(', ')}` : '';
  await context.out.write(
    isRefused
      ? `would refuse ${escapeLine(queue)}, as it has ${describeThere({ waiting, running, settled })}; with --with-tasks it would ${acts.join(', ')}\n`
      : `would delete ${escapeLine(queue)}${plan}\n`,
  );
}

/** What a queue still has. */
type There = Pick<QueueDeletion, 'waiting' | 'running' | 'settled'>;

function thereToJson({ waiting: waitingCount, running: runningCount, settled: settledCount }: There): Json {
  return { waitingCount, runningCount, settledCount };
}

function describeThere({ waiting, running, settled }: There): string {
  return describeCounts({ 'tasks that wait': waiting, 'that run': running, 'that are settled': settled }) || 'no tasks';
}

function describeDone({
  cancelled,
  askedToStop,
  forgotten,
}: Record<'cancelled' | 'askedToStop' | 'forgotten', number>): string {
  const counts = describeCounts({ cancelled, 'asked to stop': askedToStop, forgotten });
  return counts ? `: ${counts}` : '';
}
