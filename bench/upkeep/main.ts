import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createAdmin } from '../../client/index.ts';
import { restoreStore, type ServerOptions } from '../../server/index.ts';
import { withDataFolder } from '../folder.ts';
import { log } from '../log.ts';
import { fillStore } from './fill.ts';
import { type Load, startLoad } from './load.ts';
import { measureTurns } from './turns.ts';

// What keeping house costs beside load: `node bench/upkeep/main.ts --tasks 1000000 --keep 100000`. The same load
// without pruning and with it in turns, until nothing is left to prune; then a backup beside that load, and its restore. `--only
// pruning` or `--only backup` measures one of them.

const MIB = 1 << 20;

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '1000000' },
    keep: { type: 'string', default: '100000' },
    payload: { type: 'string', default: '100' },
    rate: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '20' },
    only: { type: 'string', default: '' },
    out: { type: 'string', default: 'bench/out' },
  },
});
const [tasks, keep, payload, rate, seconds] = [
  values.tasks,
  values.keep,
  values.payload,
  values.rate,
  values.seconds,
].map(Number) as [number, number, number, number, number];

interface Child {
  readonly address: string;
  reset(): void;
  report(): Promise<{ readonly p99Ms: number; readonly maxMs: number }>;
  close(): Promise<void>;
}

async function startServer(options: Partial<ServerOptions>): Promise<Child> {
  const child = fork(join(import.meta.dirname, 'server.ts'), [JSON.stringify({ listen: '127.0.0.1:0', ...options })]);
  process.once('exit', () => child.kill('SIGKILL'));
  const [{ address }] = (await once(child, 'message')) as [{ address: string }];
  return {
    address,
    reset: () => void child.send('reset'),
    async report() {
      child.send('report');
      const [told] = await once(child, 'message');
      return told as { p99Ms: number; maxMs: number };
    },
    async close() {
      const exited = once(child, 'exit');
      child.send('close');
      await exited;
    },
  };
}

const sizeOf = (path: string): number => Math.round(statSync(path).size / MIB);

async function tell(what: string, server: Child, load: Load, startedAt: number): Promise<number> {
  const { count, p50, p99 } = load.pickUp();
  const { p99Ms, maxMs } = await server.report();
  const took = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(
    `${what}: ${took} s, ${count} tasks, pick-up p50 ${p50.toFixed(1)} p99 ${p99.toFixed(1)} ms, ` +
      `loop delay p99 ${p99Ms.toFixed(1)} max ${maxMs.toFixed(1)} ms`,
  );
  return p99;
}

/** The load alone for some seconds, then again until `work` is done, on one server. */
async function measure(
  what: string,
  store: string,
  options: Partial<ServerOptions>,
  work: (server: Child) => Promise<void>,
) {
  const server = await startServer({ store, ...options });
  const load = startLoad(server.address, rate);
  await sleep(2_000);
  const begin = (): number => {
    load.reset();
    server.reset();
    return performance.now();
  };
  const startedAt = begin();
  await work(server);
  const p99 = await tell(what, server, load, startedAt);
  await load.close();
  await server.close();
  return p99;
}

const rest = async (): Promise<void> => sleep(seconds * 1_000);

if (values.only !== 'backup') await withDataFolder(values.out, measurePruning);
if (values.only !== 'pruning') await withDataFolder(values.out, measureBackup);

async function measurePruning(folder: string): Promise<void> {
  const path = join(folder, 'contact.db');
  const store = `sqlite:${path}`;
  log(`filling a store with ${tasks} settled tasks`);
  await fillStore(path, tasks, payload);
  const before = sizeOf(path);
  const server = await startServer({ store, retainDays: 0, retainMax: 0 });
  const admin = createAdmin({ server: server.address, deadlineMs: 60_000 });
  const load = startLoad(server.address, rate);
  await sleep(2_000);
  server.reset();
  const startedAt = performance.now();
  let longestLog = 0;
  let size = -1;
  const turns = await measureTurns({
    load,
    aloneMs: 5_000,
    besideMs: 15_000,
    setWorking: (isWorking) => admin.setQueueRetention('old', isWorking ? { max: keep } : 'forever'),
    // It is over when as many are left as are kept, and the file has stayed as large for a turn.
    async isOver() {
      longestLog = Math.max(longestLog, sizeOf(`${path}-wal`));
      const kept = (await admin.listQueues()).queues.find(({ name }) => name === 'old')?.cancelled ?? 0;
      log(`${kept} tasks, ${sizeOf(path)} MiB, log ${sizeOf(`${path}-wal`)} MiB`);
      const isSmall = kept <= keep && sizeOf(path) === size;
      size = sizeOf(path);
      return isSmall;
    },
  });
  await tell('load, with pruning in turns', server, load, startedAt);
  const { alone, beside, times } = turns;
  console.log(
    `pick-up alone: ${alone.count} tasks, p50 ${alone.p50.toFixed(1)} p99 ${alone.p99.toFixed(1)} ms; ` +
      `beside pruning: ${beside.count}, p50 ${beside.p50.toFixed(1)} p99 ${beside.p99.toFixed(1)} ms`,
  );
  await admin.close();
  await load.close();
  await server.close();
  console.log(
    `${tasks} tasks pruned to ${keep}: p99 of pick-up ${times.toFixed(2)} x (median of the turns), ` +
      `${(beside.p99 / alone.p99).toFixed(2)} x in all, file ${before} -> ${sizeOf(path)} MiB, log at most ${longestLog} MiB`,
  );
}

async function measureBackup(folder: string): Promise<void> {
  const path = join(folder, 'contact.db');
  log(`filling a store of ${Math.round((tasks * (payload + 500)) / MIB)} MiB, about`);
  await fillStore(path, tasks, payload);
  const copy = join(folder, 'backup.db');
  const store = `sqlite:${path}`;
  const options = { retainDays: 0, retainMax: 0 };
  const alone = await measure('load alone', store, options, rest);
  const beside = await measure('load and backup', store, options, async ({ address }) => {
    const admin = createAdmin({ server: address });
    await pipeline(Readable.from(admin.backUp()), createWriteStream(copy));
    await admin.close();
  });
  const restored = await restoreStore(copy, `sqlite:${join(folder, 'restored.db')}`);
  console.log(
    `backup of ${sizeOf(copy)} MiB: p99 of pick-up ${(beside / alone).toFixed(2)} x, restored with ${restored.tasks} tasks`,
  );
}
