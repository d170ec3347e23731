import { bytes, createProducer, type Producer } from '../../client/index.ts';
import type { Figure } from '../figure.ts';
import { createContactDialect } from '../fleet/dialect.ts';
import { openLine } from '../fleet/line.ts';
import { createPayload } from '../payload.ts';
import { startProducerProcess, startWorkerProcess, whyNotAway } from '../process.ts';
import { PAYLOAD_BYTES, QUEUE, Rig } from '../rig.ts';
import type { Outcome, Scenario } from '../scenario.ts';
import { median } from '../statistics.ts';

const ROUNDS = 4;
const PER_SECOND = 300;
const WINDOW_MS = 4_000;
/** What waits for the client that reads nothing: more than the server may have on its way to it. */
const STUCK_TASKS = 200;
const STUCK_BYTES = 100_000;
const HUGE_BYTES = 1_000_000;
const HUGE_PER_SECOND = 10;
/** Enough that no process has anything left to compile: of 1 MB each, and windows of the others. */
const HUGE_WARM_TASKS = 300;
const WARM_MS = 10_000;
const WARM_WINDOWS = 4;

const STUCK: Figure = { key: 'stuck', label: 'p99 beside a stuck reader', unit: '× alone', better: 'lower' };
const HUGE: Figure = { key: 'huge', label: 'p99 beside 1 MB payloads', unit: '× alone', better: 'lower' };
const CROWDED: Figure = {
  key: 'crowded',
  label: 'p99 beside 1 MB payloads, their client on the same cores',
  unit: '× alone',
  better: 'lower',
};
const ELSEWHERE: Figure = {
  key: 'elsewhere',
  label: 'p99 beside 1 MB payloads at another server',
  unit: '× alone',
  better: 'lower',
};
const OURS: Figure = { key: 'ours', label: 'the same server instead of another', unit: '×', better: 'lower' };
const ALONE: Figure = { key: 'alone', label: 'p99 alone', unit: 'ms', better: 'lower' };

/** Somebody else on the same server; ends when the answer is called. */
type Neighbour = (round: number) => Promise<() => Promise<void>>;

/** A full session with credit that reads nothing after its registration. */
function createStuck(rig: Rig, producer: Producer<Uint8Array>): Neighbour {
  return async (round) => {
    const queue = `stuck-${round}`;
    const { bytes: payload } = createPayload(STUCK_BYTES);
    await Promise.all(Array.from({ length: STUCK_TASKS }, () => producer.enqueue(queue, payload)));
    const dialect = createContactDialect(queue, STUCK_TASKS);
    const headers = dialect.headers(queue);
    const line = await openLine(rig.server.address);
    line.call(dialect.answer.path, headers, () => undefined);
    const { promise: registered, resolve } = Promise.withResolvers<void>();
    const down = line.call(dialect.hear.path, headers, () => {
      down.pause();
      resolve();
    });
    down.end(dialect.hear.request);
    await registered;
    return async () => line.close();
  };
}

interface Huge {
  readonly neighbour: Neighbour;
  close(): Promise<void>;
}

/** One client with payloads of 1 MB, one after the other, and its worker. */
async function openHuge({ system, server, patienceMs }: Rig, queue: string, isAway: boolean): Promise<Huge> {
  const producer = startProducerProcess({ isLarge: true, isAway });
  const worker = startWorkerProcess({ isLarge: true, isAway });
  await producer.ask.open({ system: system.name, address: server.address });
  await worker.ask.open({ system: system.name, address: server.address, queues: [queue], concurrency: 1 });
  await worker.ask.begin();
  let sent = 0;
  async function worked(acknowledged: number): Promise<void> {
    sent += acknowledged;
    const { done } = await worker.ask.until(sent, patienceMs);
    if (done < sent) throw new Error(`${done} of ${sent} tasks of 1 MB were done`);
  }
  const large = { payloadBytes: HUGE_BYTES, queues: [queue], failEvery: 0 };
  const warm = { ...large, tasks: HUGE_WARM_TASKS, forMs: WARM_MS, shape: { one: true, outstanding: 1 } } as const;
  await worked((await producer.ask.burst(warm)).acknowledged);
  return {
    async neighbour() {
      const pace = { perSecond: HUGE_PER_SECOND, forMs: WINDOW_MS, payloadBytes: HUGE_BYTES, queue };
      const sending = producer.ask.pace(pace);
      return async () => worked((await sending).acknowledged);
    },
    async close() {
      await Promise.all(
        [producer, worker].map(async (role) => {
          await role.ask.close();
          await role.end();
        }),
      );
    },
  };
}

/** Pick-up p99 of small tasks in one window, in milliseconds. */
type Window = () => Promise<number>;

async function createWindow(rig: Rig): Promise<Window> {
  const worker = await rig.startWorker();
  await worker.ask.begin();
  let done = await rig.warmUp(worker);
  return async () => {
    const pace = { perSecond: PER_SECOND, forMs: WINDOW_MS, payloadBytes: PAYLOAD_BYTES, queue: QUEUE };
    done += (await rig.producer.ask.pace(pace)).acknowledged;
    const reached = await worker.ask.until(done, rig.patienceMs);
    if (reached.done < done) throw new Error(`${reached.done} of ${done} tasks were done`);
    return (await worker.ask.pickup()).p99;
  };
}

/** Windows beside each neighbour, each after one without. */
async function measure(window: Window, neighbours: ReadonlyMap<string, Neighbour>): Promise<Outcome> {
  for (let warm = 0; warm < WARM_WINDOWS; warm += 1) await window();
  const alone: number[] = [];
  const beside = new Map([...neighbours.keys()].map((key) => [key, [] as number[]]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [key, neighbour] of neighbours) {
      alone.push(await window());
      const leave = await neighbour(round);
      beside.get(key)!.push(await window());
      await leave();
    }
  }
  const quiet = median(alone);
  const figures = Object.fromEntries([...beside].map(([key, p99s]) => [key, median(p99s) / quiet]));
  const checks = Object.fromEntries([...beside].map(([key, p99s]) => [key, p99s.join(' ')]));
  return {
    figures: { ...figures, ours: figures[HUGE.key]! / figures[ELSEWHERE.key]!, alone: quiet },
    checks: { ...checks, alone: alone.join(' ') },
  };
}

export const neighbours: Scenario = {
  name: 'neighbours',
  about: `Pick-up p99 at ${PER_SECOND}/s beside a client that reads nothing, and one with 1 MB payloads ten times a second.`,
  figures: [STUCK, HUGE, CROWDED, ELSEWHERE, OURS, ALONE],
  systems: ['contact'],
  missing: whyNotAway,
  async run(rig) {
    const producer = createProducer({ server: rig.server.address, codec: bytes });
    // What the machine's cores and disk make of that traffic, whoever serves it.
    const other = await Rig.start(rig.options);
    const opened: Huge[] = [];
    async function open(at: Rig, queue: string, isAway: boolean): Promise<Neighbour> {
      const huge = await openHuge(at, queue, isAway);
      opened.push(huge);
      return huge.neighbour;
    }
    try {
      const window = await createWindow(rig);
      const all = new Map<string, Neighbour>([
        [STUCK.key, createStuck(rig, producer)],
        [HUGE.key, await open(rig, HUGE.key, true)],
        [CROWDED.key, await open(rig, CROWDED.key, false)],
        [ELSEWHERE.key, await open(other, ELSEWHERE.key, true)],
      ]);
      return await measure(window, all);
    } finally {
      for (const huge of opened) await huge.close();
      await producer.close({ deadlineMs: 0 });
      await other.end();
    }
  },
};
