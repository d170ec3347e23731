import { type Command, InvalidArgumentError } from 'commander';
import type { TaskResult } from '../../client/index.ts';
import { createObserver } from '../../client/observer.ts';
import { resultToJson } from '../../json/task.ts';
import type { CommandContext } from '../context.ts';
import { collectFrom } from '../option.ts';
import type { Output } from '../output.ts';
import { createPatience } from '../patience.ts';
import { reachServer, readConnection } from '../reach.ts';
import { RESULT_HEADINGS, resultToLine, SETTLED_STATES } from '../result.ts';
import { addHolderOptions, addSettledOptions, type ConditionOptions, readConditions } from '../selection.ts';
import { onStopSignal } from '../signals.ts';
import { addTargetOptions, type TargetOptions } from '../target.ts';

interface ResultsOptions extends TargetOptions, Omit<ConditionOptions, 'state'> {
  readonly from?: string;
  readonly follow?: boolean;
  readonly state?: readonly (typeof SETTLED_STATES)[number][];
}

export function fillResultsCommand(command: Command, context: CommandContext): void {
  addHolderOptions(addSettledOptions(command))
    .option(
      '--from <place>',
      'beginning, oldest (that is kept), now, or the cursor of a line: goes on after it (default: oldest, with --follow: now)',
      parsePlace,
    )
    .option('--follow', 'stay and print what settles; Ctrl-C ends it')
    .option(
      '--state <state>',
      `only this state (${SETTLED_STATES.join(', ')}); may be repeated`,
      collectFrom(SETTLED_STATES),
    )
    .option('--json', 'one JSON object a line')
    .action((queues: string[], options: ResultsOptions) => printResults(queues, options, context))
    .addHelpText(
      'after',
      `
A line has these fields with a tab between them, long ones shortened and "-" for nothing:
  ${RESULT_HEADINGS.replaceAll('\t', ' ')}
With --json, "result" is a JSON value when its content type is JSON, a string when it is valid UTF-8, else
{"base64": …}; states are words as above, times RFC 3339. Results that were deleted are counted on stderr.

Example:
  contact results sums --from beginning --follow --json`,
    );
  addTargetOptions(command);
}

/** Only what can be no cursor is refused here: its form is the server's. */
function parsePlace(text: string): string {
  if (text.includes('.') || ['beginning', 'oldest', 'now'].includes(text)) return text;
  throw new InvalidArgumentError('Expected beginning, oldest, now, or the cursor of a line.');
}

async function printResults(queues: string[], options: ResultsOptions, context: CommandContext): Promise<void> {
  const connection = readConnection(options, context.say);
  await reachServer(connection, options.connectTimeout);
  const stop = new AbortController();
  context.out.closed.addEventListener('abort', () => stop.abort());
  const stopListening = options.follow ? onStopSignal(() => stop.abort()) : () => undefined;
  // Who follows waits for a server that comes back, however long it takes.
  const patience = createPatience(connection, options.follow ? 0 : options.connectTimeout, () => true);
  const observer = createObserver(connection);
  const results = observer.results({
    queues,
    states: options.state ?? [],
    from: options.from ?? (options.follow ? 'now' : 'oldest'),
    follow: options.follow === true,
    filter: readConditions(options),
    signal: stop.signal,
  });
  try {
    await Promise.race([printAll(results, options.json === true, context.out, patience.satisfy), patience.exhausted]);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    stopListening();
    patience.stop();
    await observer.close();
  }
}

async function printAll(
  results: AsyncIterable<TaskResult>,
  isJson: boolean,
  out: Output,
  onResult: () => void,
): Promise<void> {
  for await (const result of results) {
    await (isJson ? out.writeJson(resultToJson(result)) : out.write(`${resultToLine(result)}\n`));
    onResult();
    if (out.closed.aborted) return;
  }
}
