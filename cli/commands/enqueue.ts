import { type Command, Option } from 'commander';
import { parseBackoff } from '../backoff.ts';
import type { CommandContext } from '../context.ts';
import { parseDuration, parseInstant, parsePositiveDuration } from '../duration.ts';
import { type EnqueueOptions, runEnqueue } from '../enqueue.ts';
import { usageError } from '../exit.ts';
import { parseName, parseTaskId } from '../names.ts';
import { integerBetween } from '../number.ts';
import { collectPairs } from '../option.ts';
import { addTargetOptions } from '../target.ts';

export function fillEnqueueCommand(command: Command, context: CommandContext): void {
  command
    .option('--lines', 'a task for each line of stdin, its bytes as they are without the line feed')
    .option('--content-type <type>', 'of the payload (default: text/plain, for - application/octet-stream)')
    .addOption(new Option('--priority <n>', 'larger first, -32768 to 32767').argParser(integerBetween(-32_768, 32_767)))
    .addOption(new Option('--delay <duration>', 'ready only after this time').argParser(parseDuration).conflicts('at'))
    .option('--at <time>', 'ready at this RFC 3339 time', parseInstant)
    .option(
      '--expires <duration>',
      'ends as expired when nobody took it in time; broadcasts: 1h',
      parsePositiveDuration,
    )
    .option('--attempts <n>', 'attempts before a failure is final (default: 5)', integerBetween(1, 1_000))
    .option('--timeout <duration>', 'of one attempt (default: none)', parsePositiveDuration)
    .option(
      '--backoff <base[,cap]>',
      'before a retry: a random time up to base, doubled each time (default: 1s,5m)',
      parseBackoff,
    )
    .option('--metadata <key=value>', 'handed to the worker and to observers; may be repeated', collectPairs)
    .option('--key <key>', 'your own idempotency key: the same key in the queue is the same task')
    .addOption(
      new Option('--id <id>', 'of the task, a UUIDv7: the same id is stored once (default: drawn)').argParser(
        parseTaskId,
      ),
    )
    .addOption(
      new Option('--client <id>', 'only for this client').argParser(parseName).conflicts(['selector', 'broadcast']),
    )
    .option('-l, --selector <expr>', 'only for clients whose labels match, such as site=berlin,!beta')
    .option('--broadcast', 'a task for each client that is connected now (and matches --selector)')
    .option('--known', 'with --broadcast: also for clients that are known and away')
    .option('--wait', 'wait for the result and print it instead of the id')
    .option('--wait-timeout <duration>', 'with --wait: give up after this time (default: never)', parsePositiveDuration)
    .option('--cancel', 'with --wait: cancel the task when the waiting is given up, by the timeout or a signal')
    .option('--json', 'one JSON object a line')
    .action((queue: string, payload: string | undefined, options: EnqueueOptions) => {
      checkUsage(payload, options);
      return runEnqueue(queue, payload, options, context);
    })
    .addHelpText(
      'after',
      `
PAYLOAD is the task's bytes as given; "-" stands for the whole of stdin, "" for an empty one.
The id of a task is printed once the server has stored it (with --json: {"id": …, "deduplicated": …}).
With --lines ids come in the order of the lines. A line that is refused is reported on stderr with its number, the
others go on, and the exit code is 1.
With --wait the bytes of the result are printed; a line feed follows where the result has none and --lines is given or
stdout is a terminal. A task that did not succeed is reported on stderr, and the exit code is 1.
With --client or --selector the task waits until such a client connects, or --expires. --broadcast stores one child for
each client that is connected at this moment, serves the queue and matches; those that connect later get none, nor do
clients that are just coming back after a restart of the server (--known reaches them), and children expire after
--expires, or 1h. With --wait there is a line for each child as it settles (client, state, result or error, a tab
between them) and a summary; the exit code is 1 when a child did not succeed.

Examples:
  contact enqueue sums "hello"
  seq 1 1000 | contact enqueue sums --lines
  contact enqueue sums - --content-type application/json --wait < order.json
  contact enqueue mails - --metadata order=7 --backoff 10s,1h --attempts 20 < mail.txt
  contact enqueue reboot now --client robot-7 --expires 1h
  contact enqueue ping x --broadcast --selector site=berlin --wait --wait-timeout 30s`,
    );
  addTargetOptions(command);
}

function checkUsage(payload: string | undefined, options: EnqueueOptions): void {
  if (options.lines) {
    if (payload !== undefined && payload !== '-') throw usageError('--lines reads stdin: leave PAYLOAD out');
    if (options.key !== undefined) throw usageError('--key would make one task of all --lines');
    if (options.id !== undefined) throw usageError('--id would make one task of all --lines');
  } else if (payload === undefined) {
    throw usageError('missing PAYLOAD: give it, or - for the whole of stdin, or --lines for a task a line');
  }
  if (options.known && !options.broadcast) throw usageError('--known goes with --broadcast');
  if (options.wait && options.broadcast && options.lines)
    throw usageError('--wait waits for one broadcast, not for --lines');
  if (options.waitTimeout !== undefined && !options.wait) throw usageError('--wait-timeout goes with --wait');
  if (options.cancel && !options.wait) throw usageError('--cancel goes with --wait');
}
