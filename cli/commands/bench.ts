import type { Command } from 'commander';
import { type BenchOptions, runBench } from '../bench/run.ts';
import { STAMP_BYTES } from '../bench/stamp.ts';
import type { CommandContext } from '../context.ts';
import { integerBetween } from '../number.ts';
import { addTargetOptions } from '../target.ts';

const MAX_PAYLOAD_BYTES = 64 * 2 ** 20;

export function fillBenchCommand(command: Command, context: CommandContext): void {
  command
    .option('--queue <queue>', 'a queue that nobody else has; default: a new one, bench-…')
    .option('--tasks <n>', 'end after so many', integerBetween(1, 1_000_000_000))
    .option('--seconds <n>', 'end after so long; default 10, or no end with --tasks', integerBetween(1, 86_400))
    .option('--payload <bytes>', 'of each task', integerBetween(STAMP_BYTES, MAX_PAYLOAD_BYTES), 100)
    .option('--batch <n>', 'tasks enqueued together, all or none', integerBetween(1, 1_000), 1)
    .option('--rate <n>', 'tasks per second; default: as fast as they are settled', integerBetween(1, 1_000_000))
    .option('--outstanding <n>', 'sent and not yet settled, without --rate', integerBetween(1, 10_000_000), 2_000)
    .option('--workers <n>', 'workers, each with a connection of its own', integerBetween(1, 1_000), 1)
    .option('--concurrency <n>', 'tasks at once in each of them', integerBetween(1, 10_000), 100)
    .option('--fork', 'each worker in a process of its own')
    .option('--json', 'as a JSON object')
    .action((options: BenchOptions) => runBench(options, context))
    .addHelpText(
      'after',
      `
Enqueues tasks that do nothing, works them off and watches their results, then forgets them all. Times run from when a
task was sent (with --rate: was due) to its acknowledgement, to its handler, and to its result at an observer. Without
--rate there are always --outstanding tasks on their way, so times are those of a full server: look at them with a rate
below the throughput. One process sends; one core of it is the most that it can ask of a server.

Example:
  contact bench --rate 500 --seconds 5`,
    );
  addTargetOptions(command);
}
