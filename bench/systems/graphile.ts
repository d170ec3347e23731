import { loadClient, missingPeer } from '../peers/client.ts';
import { openPool, startPostgres } from '../peers/postgres.ts';
import type { BenchTask, System } from '../system.ts';

interface Job {
  readonly identifier: string;
  readonly payload: { readonly p: string };
}

interface WorkerUtils {
  migrate(): Promise<void>;
  addJob(identifier: string, payload: Job['payload']): Promise<unknown>;
  addJobs(jobs: readonly Job[]): Promise<unknown>;
  release(): Promise<void>;
}

interface Runner {
  readonly events: { on(event: 'job:complete', listener: (event: { error: unknown }) => void): void };
  stop(): Promise<void>;
}

interface Graphile {
  readonly Logger: new (factory: () => () => void) => unknown;
  makeWorkerUtils(options: object): Promise<WorkerUtils>;
  run(options: object): Promise<Runner>;
}

const POOL = 12;
const LOCAL_QUEUE = 500;

const loadGraphile = (): Promise<Graphile> => loadClient<Graphile>('graphile-worker');
const quiet = ({ Logger }: Graphile): object => ({ logger: new Logger(() => () => {}) });

export const graphile: System = {
  name: 'graphile-worker',
  kind: 'peer',
  settings: `graphile-worker 0.17, PostgreSQL with its defaults, localQueue ${LOCAL_QUEUE}, addJobs of 500, 4 at a time`,
  isDurable: true,
  abilities: ['tasks', 'queues', 'large'],
  concurrencies: [12, 24, 48],
  batch: { size: 500, outstanding: 4 },
  // With localQueue a job is deleted in a later batch than the one that says it is complete.
  isDoneAcknowledged: false,
  missing: async () => missingPeer('initdb', 'postgresql', ['graphile-worker', 'pg']),

  async start({ folder }) {
    const server = await startPostgres(folder);
    const library = await loadGraphile();
    const utils = await library.makeWorkerUtils({ connectionString: server.address, ...quiet(library) });
    await utils.migrate();
    await utils.release();
    return server;
  },

  async produce(address) {
    const library = await loadGraphile();
    const utils = await library.makeWorkerUtils({ connectionString: address, maxPoolSize: 10, ...quiet(library) });
    const pool = await openPool(address, 1);
    const jobOf = ({ queue, payload }: BenchTask): Job => ({ identifier: queue, payload: { p: payload.text } });
    return {
      async enqueueOne({ queue, payload }) {
        await utils.addJob(queue, { p: payload.text });
      },
      async enqueueMany(tasks) {
        await utils.addJobs(tasks.map(jobOf));
      },
      async counts() {
        const { rows } = await pool.query('SELECT count(*)::int AS n FROM graphile_worker._private_jobs');
        return { left: Number(rows[0]?.n), stored: null };
      },
      async close() {
        await Promise.all([utils.release(), pool.end()]);
      },
    };
  },

  async work(address, { queues, concurrency, onStart, onDone }) {
    const library = await loadGraphile();
    const task = async (payload: Job['payload']): Promise<void> => onStart(payload.p, 1);
    const worker = {
      connectionString: address,
      concurrentJobs: concurrency,
      maxPoolSize: POOL,
      pollInterval: 2_000,
      localQueue: { size: LOCAL_QUEUE },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    };
    let runner: Runner | null = null;
    return {
      async begin() {
        const taskList = Object.fromEntries(queues.map((queue) => [queue, task]));
        runner = await library.run({ preset: { worker }, ...quiet(library), noHandleSignals: true, taskList });
        runner.events.on('job:complete', ({ error }) => {
          if (!error) onDone(1);
        });
      },
      async close() {
        await runner?.stop();
      },
    };
  },
};
