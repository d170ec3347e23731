import { timestampMs } from '@bufbuild/protobuf/wkt';
import { type Command, Option } from 'commander';
import type { Admin } from '../../../client/index.ts';
import type { GetHistoryResponse, QueueHistory } from '../../../gen/contact/v1/admin_service_pb.ts';
import { historyToJson, type QueueSteps, stepsOf, type Values } from '../../../json/history.ts';
import { ContactError } from '../../../shared/errors.ts';
import { withAdmin } from '../../admin.ts';
import { formatMs, formatSpan } from '../../age.ts';
import type { CommandContext } from '../../context.ts';
import { parseLifetime, parsePast } from '../../duration.ts';
import { escapeLine } from '../../escape.ts';
import { formatRate } from '../../rate.ts';
import { drawSparkline } from '../../sparkline.ts';
import { layOutTable } from '../../table.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';

interface HistoryOptions extends TargetOptions {
  readonly since?: Date;
  /** Milliseconds. */
  readonly step?: number;
}

/** Steps that a person can compare, in milliseconds: the first of which the hour fits on the screen is taken. */
const STEPS_MS = [10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000];
const HOUR_MS = 3_600_000;
/** Columns of the screen beside the bars: what they are of, and its numbers. */
const BESIDE_COLUMNS = 36;

export function addHistoryCommand(queues: Command, context: CommandContext): void {
  const command = queues
    .command('history [queues...]')
    .description('plot what queues did within the last hour, and how they stood')
    .option('--since <time>', 'only from this RFC 3339 time on, or within this duration', parsePast)
    .addOption(
      new Option('--step <duration>', 'of one bar; by default as short as the screen allows').argParser(parseLifetime),
    )
    .option('--json', 'one JSON object a line: a queue, with a value for each step')
    .action((names: string[], options: HistoryOptions) => printHistory(names, options, context))
    .addHelpText(
      'after',
      `
Without a queue: all queues together, or each of those that you may see if these are not all. A bar is as high as its value
is of the largest in the line; where there is none the server did not run, or did not count the queue by itself. The 100
queues that did the most have a history of their own.

enqueued/s, succeeded/s, failed/s, other/s  tasks a second; other: cancelled and expired
waiting, running, oldest                    at the end of each step: ready and scheduled tasks, the age of the oldest ready
wait, run                                   until a client first had a task, and from then until it succeeded or failed

Examples:
  contact queues history mails --since 15m
  contact queues history --json`,
    );
  addTargetOptions(command);
}

async function printHistory(names: string[], options: HistoryOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  await withAdmin(options, context, async (admin) => {
    const stepMs = options.step ?? (options.json ? undefined : fitStep(out.size().columns, options.since));
    const answer = await ask(admin, names, { ...options, ...(stepMs !== undefined && { step: stepMs }) });
    const { total, queues } = answer;
    const told = [...(total ? [total] : []), ...queues];
    if (options.json) {
      for (const history of told) await out.writeJson(historyToJson(history, answer));
    } else {
      const plots = told.map((history) => plotQueue(history, answer));
      await out.write(plots.map((lines) => lines.map((line) => `${line}\n`).join('')).join('\n'));
    }
    const missing = names.filter((name) => !queues.some(({ queue }) => queue === name));
    for (const name of missing)
      context.say(`no history of "${escapeLine(name)}": nothing happened there, or others did more`);
  });
}

/**
 * Without names a plot is of all queues together, or of each where the caller may not see all; what is for programs is of all and
 * of each.
 */
async function ask(admin: Admin, queues: string[], options: HistoryOptions): Promise<GetHistoryResponse> {
  const { since, step, json } = options;
  const given = { queues, ...(since && { since }), ...(step !== undefined && { stepMs: step }) };
  if (queues.length > 0 || json) return admin.queueHistory(given);
  try {
    return await admin.queueHistory({ ...given, totalOnly: true });
  } catch (error) {
    if (!(error instanceof ContactError) || error.field !== 'total_only') throw error;
    return admin.queueHistory(given);
  }
}

function fitStep(columns: number, since: Date | undefined): number {
  const spanMs = since ? Math.min(HOUR_MS, Date.now() - since.getTime()) : HOUR_MS;
  const bars = Math.max(1, columns - BESIDE_COLUMNS);
  return STEPS_MS.find((stepMs) => spanMs / stepMs <= bars) ?? STEPS_MS.at(-1)!;
}

function plotQueue(history: QueueHistory, answer: GetHistoryResponse): string[] {
  const { start, stepSeconds, coveredMs } = answer;
  const steps = stepsOf(history, answer);
  const stepMs = stepSeconds * 1_000;
  const startAt = start ? timestampMs(start) : 0;
  const [from, to] = [startAt, startAt + coveredMs.length * stepMs].map((at) =>
    new Date(at).toISOString().slice(11, 19),
  );
  const name = history.queue === '' ? 'all queues' : escapeLine(history.queue);
  const heading = `${name}  ${from} to ${to} UTC, a bar for ${formatSpan(stepMs)}`;
  const rows = linesOf(steps, coveredMs).map(({ what, values, write }) => [
    what,
    drawSparkline(values),
    `max ${describe(maxOf(values), write)}`,
    `last ${describe(values.at(-1) ?? null, write)}`,
  ]);
  return [heading, ...layOutTable(['', '', '', ''], rows).slice(1)];
}

interface PlotLine {
  readonly what: string;
  readonly values: Values;
  readonly write: (value: number) => string;
}

function linesOf(steps: QueueSteps, coveredMs: readonly number[]): PlotLine[] {
  const rate = (values: Values): Values =>
    values.map((count, at) => (count === null ? null : (count * 1_000) / coveredMs[at]!));
  return [
    { what: 'enqueued/s', values: rate(steps.enqueued), write: formatRate },
    { what: 'succeeded/s', values: rate(steps.succeeded), write: formatRate },
    { what: 'failed/s', values: rate(steps.failed), write: formatRate },
    { what: 'other/s', values: rate(add(steps.cancelled, steps.expired)), write: formatRate },
    { what: 'waiting', values: add(steps.ready, steps.scheduled), write: String },
    { what: 'running', values: steps.running, write: String },
    { what: 'oldest', values: steps.oldestReadyMs, write: formatMs },
    { what: 'wait p50', values: steps.wait.p50Ms, write: formatMs },
    { what: 'wait p99', values: steps.wait.p99Ms, write: formatMs },
    { what: 'run p50', values: steps.run.p50Ms, write: formatMs },
    { what: 'run p99', values: steps.run.p99Ms, write: formatMs },
  ];
}

function add(some: Values, others: Values): Values {
  return some.map((value, at) => (value === null ? null : value + (others[at] ?? 0)));
}

function maxOf(values: Values): number | null {
  return values.reduce((most, value) => (value === null || (most !== null && most >= value) ? most : value), null);
}

function describe(value: number | null, write: (value: number) => string): string {
  return value === null ? '-' : write(value);
}
