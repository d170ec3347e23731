import { type Command, Option } from 'commander';
import type { FailureGroup } from '../../gen/contact/v1/admin_service_pb.ts';
import { failureGroupToJson } from '../../json/server.ts';
import { withAdmin } from '../admin.ts';
import { formatAge } from '../age.ts';
import type { CommandContext } from '../context.ts';
import { parsePast } from '../duration.ts';
import { integerBetween } from '../number.ts';
import { renderTable } from '../table.ts';
import { addTargetOptions, type TargetOptions } from '../target.ts';

const GROUPINGS = ['error', 'client', 'queue'] as const;
type Grouping = (typeof GROUPINGS)[number];

interface FailuresOptions extends TargetOptions {
  readonly since?: Date;
  readonly by: Grouping;
  readonly limit: number;
}

export function fillFailuresCommand(command: Command, context: CommandContext): void {
  command
    .option('--since <time>', 'only after this RFC 3339 time, or within this duration', parsePast)
    .addOption(new Option('--by <what>', 'what is counted together').choices(GROUPINGS).default('error'))
    .option('--limit <n>', 'at most so many groups, those with the most failures', integerBetween(1, 500), 20)
    .option('--json', 'one JSON object a line: a group, with its newest failure and up to 10 tasks')
    .action((queues: string[], options: FailuresOptions) => printFailures(queues, options, context))
    .addHelpText(
      'after',
      `
A failure is an attempt that ended in an error or a timeout, or whose worker was lost. Errors are alike when their
codes are the same, and their messages but for numbers and ids, which are shown as "#".

failures  how many, of the newest 20 attempts of each task that is kept
final     those that left their task failed ("tasks retry"); after the others it was to run again
last      how long ago the newest was, and which task that was ("tasks show"), with its error where it is not the group

Examples:
  contact failures --since 1h
  contact failures sums --by client
  contact tasks retry --queue sums --error TIMEOUT --dry-run`,
    );
  addTargetOptions(command);
}

async function printFailures(queues: string[], options: FailuresOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  const { by, since, limit } = options;
  await withAdmin(options, context, async (admin) => {
    const found = await admin.listFailures({ by, queues, maxGroups: limit, ...(since && { since }) });
    if (options.json) {
      for (const group of found.groups) await out.writeJson(failureGroupToJson(group));
    } else if (found.groups.length > 0) {
      const now = Date.now();
      const rows = found.groups.map((group) => groupToRow(group, by, now));
      await out.write(renderTable([...HEADINGS, ...NAMES[by], 'task'], rows, out.isTerminal));
    }
    const { otherGroups, otherFailures } = found;
    if (otherGroups > 0) {
      const failures = `${otherFailures} ${otherFailures === 1n ? 'failure' : 'failures'}`;
      context.say(`${failures} more in ${otherGroups} ${otherGroups === 1 ? 'group' : 'groups'} more (--limit)`);
    }
  });
}

const HEADINGS = ['failures#', 'final#', 'last'];
const NAMES: Readonly<Record<Grouping, readonly string[]>> = {
  error: ['code', 'error'],
  client: ['client', 'error'],
  queue: ['queue', 'error'],
};

function groupToRow(group: FailureGroup, by: Grouping, now: number): string[] {
  const { count, finalCount, newest, code, pattern, clientId, queue } = group;
  const counts = [String(count), String(finalCount), formatAge(newest?.failedAt, now)];
  const isOfOthers = by === 'error' && code === '' && pattern === '';
  const said = newest ? `${newest.code}: ${newest.message}` : '';
  const named = {
    error: isOfOthers ? ['(others)', said] : [code, pattern],
    client: [clientId || '(unknown)', said],
    queue: [queue, said],
  };
  return [...counts, ...named[by], newest?.taskId ?? ''];
}
