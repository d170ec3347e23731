import type { Command } from 'commander';
import { ACT_KIND_NAMES, type ActKindName, type ActsQuery, nameActKind } from '../../client/acts.ts';
import type { Admin } from '../../client/index.ts';
import { type Act, ActKind } from '../../gen/contact/v1/admin_service_pb.ts';
import { actToJson } from '../../json/act.ts';
import { withAdmin } from '../admin.ts';
import { formatInstant } from '../age.ts';
import type { CommandContext } from '../context.ts';
import { parsePast } from '../duration.ts';
import { escapeLine, shorten } from '../escape.ts';
import { type Listing, printList } from '../listing.ts';
import { collectNames } from '../names.ts';
import { integerBetween } from '../number.ts';
import { collect, collectFrom } from '../option.ts';
import { addTargetOptions, type TargetOptions } from '../target.ts';
import { describeLimits } from './queues/retain.ts';

interface ActsOptions extends TargetOptions {
  readonly since?: Date;
  readonly queue?: readonly string[];
  readonly by?: readonly string[];
  readonly kind?: readonly ActKindName[];
  readonly limit: number;
}

const LISTING: Listing<Act> = {
  headings: ['at', 'by', 'act', 'about', 'count#', 'newest task', 'what'],
  toRow: actToRow,
  toJson: actToJson,
};
const MAX_PAGE = 500;
const MAX_SHOWN = 80;
const DAY_SECONDS = 86_400;

export function fillActsCommand(command: Command, context: CommandContext): void {
  command
    .option('--since <time>', 'only after this RFC 3339 time, or within this duration', parsePast)
    .option('--queue <queue>', 'only about this queue; may be repeated', collectNames)
    .option('--by <principal>', 'only by this one, such as token:ops; may be repeated', collect)
    .option('--kind <kind>', 'only of this kind; may be repeated', collectFrom(ACT_KIND_NAMES))
    .option('--limit <n>', 'at most so many, the newest', integerBetween(1, 10_000), 100)
    .option('--json', 'one JSON object a line')
    .action((options: ActsOptions) => printActs(options, context))
    .addHelpText(
      'after',
      `
Who did what, the newest first: tasks cancelled, run again and deleted; queues paused, resumed, limited, purged and deleted;
clients drained, resumed, disconnected and forgotten; tokens and joins made, rotated and revoked; backups. 10,000 are kept. What is
alike within a minute is one line: "count" tells how many tasks it was, or how often it was done. "tasks show" tells who
cancelled one task or had it run again; the audit log of the server has every call ("contact serve --audit-log").

Examples:
  contact acts --since 24h
  contact acts --queue sums --kind tasks_cancelled`,
    );
  addTargetOptions(command);
}

async function printActs(options: ActsOptions, context: CommandContext): Promise<void> {
  const { since, queue = [], by = [], kind = [] } = options;
  const query = { queues: queue, by, kinds: kind, ...(since && { since }) };
  await withAdmin(options, context, async (admin) => {
    await printList(takeActs(admin, query, options.limit), LISTING, options.json === true, context.out);
  });
}

async function* takeActs(admin: Admin, query: ActsQuery, limit: number): AsyncGenerator<Act> {
  let count = 0;
  for await (const act of admin.listAllActs(query, { pageSize: Math.min(MAX_PAGE, limit) })) {
    yield act;
    count += 1;
    if (count === limit) return;
  }
}

function actToRow(act: Act): string[] {
  const { at, by, kind, queue, clientId, principal, count, taskIds } = act;
  return [
    formatInstant(at),
    by,
    nameActKind(kind)?.replaceAll('_', ' ') ?? `act ${kind}`,
    queue || clientId || principal,
    String(count),
    taskIds[0] ?? '',
    shorten(escapeLine(describeWhat(act)), MAX_SHOWN),
  ];
}

function describeWhat({ kind, limits, retention, reason, credentialId }: Act): string {
  if (kind === ActKind.QUEUE_LIMITED) {
    return `waiting ${limits?.maxWaiting || 'without limit'}, running ${limits?.maxRunning || 'without limit'}`;
  }
  if (kind === ActKind.QUEUE_RETAINED)
    return retention ? describeLimits(retention.seconds / DAY_SECONDS, retention.max) : "the server's default";
  return reason || credentialId;
}
