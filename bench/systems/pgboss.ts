import { pauseMs } from '../clock.ts';
import { loadClient, missingPeer } from '../peers/client.ts';
import { openPool, startPostgres } from '../peers/postgres.ts';
import type { BenchTask, System } from '../system.ts';

interface Job {
  readonly id: string;
  readonly data: { readonly p: string };
  readonly retryCount: number;
}

interface Boss {
  on(event: 'error', listener: () => void): void;
  start(): Promise<unknown>;
  stop(options: object): Promise<void>;
  createQueue(queue: string, options?: object): Promise<void>;
  send(queue: string, data: Job['data']): Promise<unknown>;
  insert(jobs: readonly { name: string; data: Job['data'] }[]): Promise<unknown>;
  fetch(queue: string, options: object): Promise<Job[] | null>;
  complete(queue: string, ids: readonly string[]): Promise<unknown>;
  fail(queue: string, ids: readonly string[]): Promise<unknown>;
}

interface PgBoss {
  readonly default: new (options: object) => Boss;
}

const FETCH = 500;
const IDLE_MS = 20;

async function openBoss(connectionString: string): Promise<Boss> {
  const { default: PgBoss } = await loadClient<PgBoss>('pg-boss');
  const boss = new PgBoss({ connectionString, max: 10, supervise: false, schedule: false });
  boss.on('error', () => {});
  await boss.start();
  return boss;
}

export const pgBoss: System = {
  name: 'pg-boss',
  kind: 'peer',
  settings: `pg-boss 10.4, PostgreSQL with its defaults, a fetch/complete loop of our own (${FETCH} a time, ${IDLE_MS} ms when idle), which is faster than work(); insert of 500, 4 at a time`,
  isDurable: true,
  abilities: ['tasks', 'retry', 'large'],
  concurrencies: [FETCH, 2 * FETCH, 4 * FETCH],
  batch: { size: 500, outstanding: 4 },
  isDoneAcknowledged: true,
  missing: async () => missingPeer('initdb', 'postgresql', ['pg-boss', 'pg']),

  async start({ folder }) {
    const server = await startPostgres(folder);
    // The schema, before two processes want to make it.
    const boss = await openBoss(server.address);
    await boss.createQueue('bench', { retryLimit: 5, retryDelay: 0 });
    await boss.stop({ graceful: false, wait: true });
    return server;
  },

  async produce(address) {
    const boss = await openBoss(address);
    const pool = await openPool(address, 1);
    const jobOf = ({ queue, payload }: BenchTask) => ({ name: queue, data: { p: payload.text } });
    const countSql = `SELECT count(*) FILTER (WHERE state < 'completed')::int AS left,
      count(*) FILTER (WHERE state = 'completed')::int AS stored FROM pgboss.job`;
    return {
      async enqueueOne({ queue, payload }) {
        await boss.send(queue, { p: payload.text });
      },
      async enqueueMany(tasks) {
        await boss.insert(tasks.map(jobOf));
      },
      async counts() {
        const { rows } = await pool.query(countSql);
        return { left: Number(rows[0]?.left), stored: Number(rows[0]?.stored) };
      },
      async close() {
        await Promise.all([boss.stop({ graceful: false, wait: true }), pool.end()]);
      },
    };
  },

  async work(address, { queues, concurrency, onStart, onDone }) {
    const boss = await openBoss(address);
    const queue = queues[0]!;
    const loops: Promise<void>[] = [];
    let isOpen = true;

    function isDone({ data, retryCount }: Job): boolean {
      try {
        onStart(data.p, retryCount + 1);
        return true;
      } catch {
        return false;
      }
    }

    async function loop(): Promise<void> {
      while (isOpen) {
        const jobs = await boss.fetch(queue, { batchSize: FETCH, includeMetadata: true });
        if (!jobs?.length) {
          await pauseMs(IDLE_MS);
          continue;
        }
        const done = new Set(jobs.filter(isDone).map(({ id }) => id));
        const failed = jobs.filter(({ id }) => !done.has(id)).map(({ id }) => id);
        if (failed.length > 0) await boss.fail(queue, failed);
        if (done.size > 0) await boss.complete(queue, [...done]);
        onDone(done.size);
      }
    }

    return {
      async begin() {
        for (let started = 0; started < concurrency; started += FETCH) loops.push(loop());
      },
      async close() {
        isOpen = false;
        await Promise.all(loops);
        await boss.stop({ graceful: false, wait: true });
      },
    };
  },
};
