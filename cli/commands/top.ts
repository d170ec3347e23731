import { type Command, Option } from 'commander';
import { clientToJson } from '../../json/client.ts';
import type { Json } from '../../json/plain.ts';
import { queueToJson } from '../../json/queue.ts';
import { serverToJson } from '../../json/server.ts';
import { withAdmin } from '../admin.ts';
import type { CommandContext } from '../context.ts';
import { parsePositiveDuration } from '../duration.ts';
import { addTargetOptions, type TargetOptions } from '../target.ts';
import { createBrowse } from '../top/browse.ts';
import { SORTS } from '../top/columns.ts';
import { KEYS } from '../top/help.ts';
import { showLive } from '../top/live.ts';
import { arrange } from '../top/rows.ts';
import { type Snapshot, takeSnapshot } from '../top/snapshot.ts';
import { renderTop } from '../top/view.ts';

interface TopOptions extends TargetOptions {
  readonly once?: boolean;
  /** Milliseconds. */
  readonly refresh: number;
  readonly sort?: string;
  readonly filter?: string;
}

/** The deadline of one question to the server: a screen that stands still should say so soon. */
const DEADLINE_MS = 5_000;

export function fillTopCommand(command: Command, context: CommandContext): void {
  command
    .option('--once', 'print it once and end, as without a terminal')
    .addOption(
      new Option('--refresh <duration>', 'between two looks').default(1_000, '1s').argParser(parsePositiveDuration),
    )
    .addOption(
      new Option('--sort <column>', 'by what tables that have it are sorted (default: the busiest first)').choices(
        SORTS,
      ),
    )
    .option('--filter <text>', 'only queues and clients that have this text in their names, labels, states or status')
    .option('--json', 'once, as a JSON object')
    .action((options: TopOptions) => runTop(options, context))
    .addHelpText(
      'after',
      `
Queues with the most tasks come first, and clients that run the most. "settled/s" is what settled between two looks,
"unroutable" are tasks that wait for clients which are not connected. p50, p99, failed and oldest are explained by
"contact clients list --help". A look that takes long is followed by a longer pause, so that it costs a tenth of the time
at most. NO_COLOR is respected. --sort and --filter do nothing to --json.

Keys:
${KEYS.map(([key, what]) => `  ${key.padEnd(20)}${what}`).join('\n')}

Examples:
  contact top --sort oldest
  contact top --once --filter mails`,
    );
  addTargetOptions(command);
}

async function runTop(options: TopOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  const { server = 'the server', refresh: refreshMs } = options;
  const isLive = out.isTerminal && !options.once && !options.json;
  await withAdmin(
    options,
    context,
    async (admin) => {
      const first = await takeSnapshot(admin);
      const browse = createBrowse(options.sort, options.filter);
      if (isLive) return showLive({ admin, first, browse, server, refreshMs }, context);
      if (options.json) return out.writeJson(snapshotToJson(first));
      const rows = arrange(first, browse, { now: first.at, rates: null });
      const frame = { snapshot: first, rates: null, server, browse, rows, trouble: null, isPrinted: true };
      const size = { columns: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY };
      await out.write(
        `${renderTop(frame, size)
          .map((line) => `${line.text}\n`)
          .join('')}`,
      );
    },
    DEADLINE_MS,
    // A live screen says that nobody answers, and looks again.
    !isLive,
  );
}

function snapshotToJson({ at, info, queues, clients }: Snapshot): Json {
  return {
    at: new Date(at).toISOString(),
    server: serverToJson(info),
    queues: queues.map(queueToJson),
    clients: clients.map(clientToJson),
  };
}
