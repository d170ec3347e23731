import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, type ServerProcess, startNode, startServer } from '../scene/process.ts';
import { until } from '../scene/until.ts';
import { noteRound, UNHARMED } from './figures.ts';
import type { LoadCounts, LoadOrder } from './soak/load.ts';
import { GAUGED, type Gauge, readGauge } from './weight.ts';

const MIB = 1 << 20;
/** Settled tasks are kept for ten minutes at the least: before twice that the file has not found its size. */
const SECONDS = Number(process.env.CONTACT_SOAK_SECONDS ?? (isFull ? 1_800 : 12));
const RATE = 100;
/** Looks at the server, as parts of the whole time. */
const LOOKS = [0.1, 0.4, 0.7, 0.85, 1];
/** From this look on nothing may grow: of half an hour, that of the 21st minute. */
const SETTLED_LOOK = 2;
const HEAP_SLACK = isFull ? 8 * MIB : 24 * MIB;
const FILE_SLACK = 1.15;
/** Between two looks clients come and go. */
const HANDLE_SLACK = 25;

interface Look extends Gauge {
  readonly seconds: number;
  readonly file: number;
  readonly descriptors: number;
}

async function look(server: ServerProcess, file: string, from: number): Promise<Look> {
  const gauge = await readGauge(server);
  return {
    ...gauge,
    seconds: (performance.now() - from) / 1_000,
    file: statSync(file).size,
    descriptors: readdirSync(`/proc/${server.pid}/fd`).length,
  };
}

function describeLook({ seconds, rss, heap, file, descriptors, resources }: Look): string {
  const mib = (bytes: number): string => (bytes / MIB).toFixed(1);
  const { Timeout = 0, TCPSocketWrap = 0 } = resources;
  return (
    `    ${seconds.toFixed().padStart(5)} s: heap ${mib(heap)} MiB, RSS ${mib(rss)}, file ${mib(file)}, ` +
    `${Timeout} timers, ${TCPSocketWrap} sockets, ${descriptors} descriptors`
  );
}

describe('mixed load while workers, observers and connections come and go', () => {
  cleanUpProcesses();

  it(`leaves a server as it was: ${SECONDS} s over TLS, with tokens`, async function () {
    this.timeout((SECONDS + 120) * 1_000);
    this.slow(SECONDS * 2_000);
    const folder = createFolder();
    const file = join(folder, 'contact.db');
    const server = await startServer({
      store: `sqlite:${file}`,
      args: ['--log-level', 'warn', '--tls', 'auto', '--retain-max', '1000'],
      nodeArgs: GAUGED,
    });
    const order: LoadOrder = {
      seconds: SECONDS,
      rate: RATE,
      connection: {
        server: server.address,
        caFile: `${file}.ca.pem`,
        token: readFileSync(`${file}.operator-token`, 'utf8').trim(),
      },
    };
    const from = performance.now();
    const load = startNode([join(import.meta.dirname, 'soak', 'load.ts'), JSON.stringify(order)]);
    const looks: Look[] = [];
    for (const part of LOOKS) {
      const dueAt = from + part * SECONDS * 1_000 - 2_000;
      const isDue = async (): Promise<boolean> => performance.now() >= dueAt || load.child.exitCode !== null;
      await until('the time for a look', isDue, SECONDS * 1_000);
      looks.push(await look(server, file, from));
      console.log(describeLook(looks.at(-1)!));
    }
    const { code, stdout, stderr } = await load.ended;
    assert.equal(code, 0, stderr.slice(-3_000));
    const counts = JSON.parse(/^load (.+)$/m.exec(stdout)![1]!) as LoadCounts;
    console.log(`    ${JSON.stringify(counts)}`);
    assert.deepEqual([counts.wrong, counts.twice], [0, 0]);
    for (const [name, least] of Object.entries({ answered: RATE, calls: SECONDS, workersReplaced: 3, refused: 3 })) {
      assert.ok(counts[name as keyof LoadCounts] > least, `${name}: ${counts[name as keyof LoadCounts]}`);
    }
    const settled = looks[SETTLED_LOOK]!;
    for (const { heap, file: size, resources, seconds } of looks.slice(SETTLED_LOOK + 1)) {
      const when = `after ${seconds.toFixed()} s`;
      assert.ok(heap < settled.heap + HEAP_SLACK, `heap ${when}`);
      if (isFull) assert.ok(size < settled.file * FILE_SLACK, `file ${when}`);
      for (const [kind, count] of Object.entries(resources)) {
        const before = settled.resources[kind] ?? 0;
        assert.ok(count <= before + HANDLE_SLACK, `${kind}: ${before} → ${count} ${when}`);
      }
    }
    assert.equal((await server.stop()).code, 0);
    noteRound('soak', isFull ? 'default' : 'scaled', { ...UNHARMED, tasks: counts.enqueued });
  });
});
