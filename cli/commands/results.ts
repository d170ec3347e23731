import type { Command } from 'commander';
import { createObserver } from '../../client/index.ts';
import type { CommandContext } from '../context.ts';
import { collectFrom } from '../option.ts';
import { RESULT_HEADINGS, resultToJson, resultToLine, SETTLED_STATES } from '../result.ts';
import { onStopSignal } from '../signals.ts';
import { addTargetOptions, reachServer, readConnection, type TargetOptions } from '../target.ts';

interface ResultsOptions extends TargetOptions {
  readonly from?: string;
  readonly follow?: boolean;
  readonly state?: readonly (typeof SETTLED_STATES)[number][];
}

export function addResultsCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('results [queue...]')
    .description('print a line for each settled task, in commit order')
    .option(
      '--from <place>',
      'beginning, oldest (that is kept), now, or the cursor of a line: goes on after it (default: oldest, with --follow: now)',
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
{"base64": …}; states are words as above, times RFC 3339.

Example:
  contact results sums --from beginning --follow --json`,
    );
  addTargetOptions(command);
}

async function printResults(queues: string[], options: ResultsOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  const connection = readConnection(options, context.say);
  await reachServer(connection, options.connectTimeout);
  const stop = new AbortController();
  const stopListening = options.follow ? onStopSignal(() => stop.abort()) : () => undefined;
  out.closed.addEventListener('abort', () => stop.abort());
  const observer = createObserver(connection);
  try {
    const results = observer.results({
      queues,
      states: options.state ?? [],
      from: options.from ?? (options.follow ? 'now' : 'oldest'),
      follow: options.follow === true,
      signal: stop.signal,
    });
    for await (const result of results) {
      await (options.json ? out.writeJson(resultToJson(result)) : out.write(`${resultToLine(result)}\n`));
      if (stop.signal.aborted) break;
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    stopListening();
    await observer.close();
  }
}
