import { pauseMs } from '../clock.ts';
import type { Figure } from '../figure.ts';
import { startFleets } from '../fleet/fleets.ts';
import { QUEUE, type Rig } from '../rig.ts';
import type { Outcome, Scenario } from '../scenario.ts';
import { readCpuSeconds, readMemoryMiB } from '../usage.ts';

const CLIENTS = 10_000;
const SHARED = 100;
/** After the server's start. */
const REST_MS = 3_000;
/** Lets what the connecting left behind be collected, and the path of a ping be compiled. */
const WARM_MS = 15_000;
const LISTEN_MS = 20_000;
const PING_MS = 5_000;

const MEMORY: Figure = { key: 'kib', label: 'memory of a client', unit: 'KiB', better: 'lower' };
const CORE: Figure = { key: 'core', label: 'pings', unit: '% of a core', better: 'lower' };
const OPENING: Figure = { key: 'opening', label: 'all connected after', unit: 's', better: 'lower' };

/** What the server spends on clients that have nothing to do, each with a stream down and one up. */
async function measureIdle(rig: Rig, perConnection: number): Promise<Outcome> {
  const { pids } = rig.server;
  const clients = Math.min(CLIENTS, rig.load.tasks);
  await pauseMs(REST_MS);
  const before = readMemoryMiB(pids);
  const startedAt = performance.now();
  const fleets = await startFleets(rig, QUEUE, clients, perConnection);
  try {
    const opening = (performance.now() - startedAt) / 1_000;
    await pauseMs(WARM_MS);
    const [heard, cpu, since] = [await fleets.counts(), readCpuSeconds(pids), performance.now()];
    await pauseMs(LISTEN_MS);
    const core = (readCpuSeconds(pids) - cpu) / ((performance.now() - since) / 1_000);
    const { messages, gone } = await fleets.counts();
    const kib = ((readMemoryMiB(pids) - before) * 1_024) / clients;
    const pings = messages - heard.messages;
    if (gone > 0) throw new Error(`${gone} clients have lost their streams`);
    const expected = (clients * LISTEN_MS) / PING_MS;
    if (pings < 0.9 * expected) throw new Error(`${pings} pings, not ${expected}`);
    return { figures: { kib, core: 100 * core, opening }, checks: { clients, pings, gone } };
  } finally {
    await fleets.end();
  }
}

export const idleShared: Scenario = {
  name: 'idle',
  about: `${CLIENTS} clients with nothing to do, two streams each, ${SHARED} to a connection; pinged every 5 s.`,
  figures: [MEMORY, CORE, OPENING],
  systems: ['contact', 'raw-memory'],
  run: (rig) => measureIdle(rig, SHARED),
};

export const idleOwn: Scenario = {
  name: 'idle-own',
  about: `${CLIENTS} clients with nothing to do, each on a connection of its own; pinged every 5 s.`,
  figures: [MEMORY, CORE, OPENING],
  systems: ['contact', 'raw-memory'],
  run: (rig) => measureIdle(rig, 1),
};
