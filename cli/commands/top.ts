import { type Command, Option } from 'commander';
import type { Admin } from '../../client/index.ts';
import { pause } from '../../client/pause.ts';
import { clientToJson } from '../../json/client.ts';
import type { Json } from '../../json/plain.ts';
import { queueToJson } from '../../json/queue.ts';
import { serverToJson } from '../../json/server.ts';
import { systemClock } from '../../shared/clock.ts';
import { withAdmin } from '../admin.ts';
import type { CommandContext } from '../context.ts';
import { parsePositiveDuration } from '../duration.ts';
import { onStopSignal } from '../signals.ts';
import { addTargetOptions, type TargetOptions } from '../target.ts';
import { onQuitKey } from '../top/keys.ts';
import { openScreen } from '../top/screen.ts';
import { rateQueues, type Snapshot, takeSnapshot } from '../top/snapshot.ts';
import { type Line, renderTop } from '../top/view.ts';

interface TopOptions extends TargetOptions {
  readonly once?: boolean;
  /** Milliseconds. */
  readonly refresh: number;
}

/** The deadline of one question to the server: a screen that stands still should say so soon. */
const DEADLINE_MS = 5_000;
const HINT: Line = { text: 'q: quit', style: 'dim' };

export function fillTopCommand(command: Command, context: CommandContext): void {
  command
    .option('--once', 'print it once and end, as without a terminal')
    .addOption(
      new Option('--refresh <duration>', 'between two looks').default(1_000, '1s').argParser(parsePositiveDuration),
    )
    .option('--json', 'once, as a JSON object')
    .action((options: TopOptions) => runTop(options, context))
    .addHelpText(
      'after',
      `
Queues with the most tasks come first, and clients that run the most. "settled/s" is what settled between two looks,
"unroutable" are tasks that wait for clients which are not connected. p50, p99, failed and oldest are explained by
"contact clients list --help". q or Ctrl-C ends it. NO_COLOR is respected.

Example:
  contact top --once`,
    );
  addTargetOptions(command);
}

async function runTop(options: TopOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  const isLive = out.isTerminal && !options.once && !options.json;
  await withAdmin(
    options,
    context,
    async (admin) => {
      const first = await takeSnapshot(admin);
      if (isLive) return showLive(first, admin, options, context);
      if (options.json) return out.writeJson(snapshotToJson(first));
      const frame = { snapshot: first, rates: null, server: options.server ?? 'the server', footer: null };
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

async function showLive(first: Snapshot, admin: Admin, options: TopOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  const { server = 'the server' } = options;
  const stop = new AbortController();
  const quit = (): void => stop.abort();
  let [snapshot, rates, footer]: [Snapshot, ReadonlyMap<string, number> | null, Line] = [first, null, HINT];

  const screen = openScreen(out);
  const draw = () => screen.draw(renderTop({ snapshot, rates, server, footer }, screen.size()));
  const releases = [
    onQuitKey(context.input, quit),
    onStopSignal(quit),
    out.onResize(() => void draw()),
    () => screen.close(),
  ];
  const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()));
  out.closed.addEventListener('abort', quit);

  async function look(): Promise<void> {
    try {
      const next = await takeSnapshot(admin);
      rates = rateQueues(snapshot, next);
      snapshot = next;
      footer = HINT;
    } catch (error) {
      const age = Math.round((Date.now() - snapshot.at) / 1_000);
      footer = { text: `no answer for ${age} s, this is old: ${(error as Error).message}`, style: 'red' };
    }
  }

  try {
    while (!stop.signal.aborted) {
      // A terminal that takes nothing (Ctrl-S) is waited for.
      await Promise.race([draw(), stopped]);
      await pause(systemClock, options.refresh, stop.signal);
      if (!stop.signal.aborted) await Promise.race([look(), stopped]);
    }
  } finally {
    for (const release of releases) release();
  }
}

function snapshotToJson({ at, info, queues, clients }: Snapshot): Json {
  return {
    at: new Date(at).toISOString(),
    server: serverToJson(info),
    queues: queues.map(queueToJson),
    clients: clients.map(clientToJson),
  };
}
