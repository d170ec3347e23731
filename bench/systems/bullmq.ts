import { findProgram, loadClient, missingPeer } from '../peers/client.ts';
import { untilListening } from '../peers/port.ts';
import { findFreePort, spawnProgram } from '../spawn.ts';
import type { BenchTask, System } from '../system.ts';

interface Job {
  readonly data: { readonly p: string };
  /** Attempts that were started before this one. */
  readonly attemptsMade: number;
  waitUntilFinished(events: QueueEvents, ttl: number): Promise<unknown>;
}

interface Queue {
  add(name: string, data: Job['data'], options: object): Promise<Job>;
  addBulk(jobs: readonly object[]): Promise<unknown>;
  getJobCounts(...states: string[]): Promise<Record<string, number>>;
  close(): Promise<void>;
}

interface QueueEvents {
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

interface BullWorker {
  on(event: string, listener: () => void): void;
  waitUntilReady(): Promise<unknown>;
  run(): Promise<void>;
  close(): Promise<void>;
}

interface BullMq {
  readonly Queue: new (name: string, options: object) => Queue;
  readonly QueueEvents: new (name: string, options: object) => QueueEvents;
  readonly Worker: new (name: string, run: (job: Job) => Promise<string>, options: object) => BullWorker;
}

interface Redis {
  config(verb: 'GET', name: string): Promise<string[]>;
  info(section: string): Promise<string>;
  quit(): Promise<unknown>;
}

const QUEUE = 'bench';
const JOB = { attempts: 3 };

const loadBull = (): Promise<BullMq> => loadClient<BullMq>('bullmq');
const connectionOf = (address: string) => ({ host: '127.0.0.1', port: Number(address), maxRetriesPerRequest: null });

/** Throws unless the Redis there is ours and syncs its file before it answers. */
async function checkRedis(port: number, pid: number): Promise<string> {
  const { Redis } = await loadClient<{ Redis: new (options: object) => Redis }>('ioredis');
  const redis = new Redis(connectionOf(String(port)));
  const settings = [...(await redis.config('GET', 'appendonly')), ...(await redis.config('GET', 'appendfsync'))];
  const info = await redis.info('server');
  await redis.quit();
  const told = settings.join(' ');
  if (told !== 'appendonly yes appendfsync always') throw new Error(`redis has ${told}`);
  if (!info.includes(`process_id:${pid}\r`)) throw new Error('another redis answers');
  return `Redis ${/redis_version:(\S+)/.exec(info)?.[1]}, ${told}`;
}

export const bullmq: System = {
  name: 'bullmq',
  kind: 'peer',
  settings: 'BullMQ 6.7, Redis with appendfsync always; addBulk of 500, 4 at a time; the last 100 done jobs are kept',
  isDurable: true,
  abilities: ['tasks', 'call', 'retry', 'large'],
  concurrencies: [32, 64, 128],
  batch: { size: 500, outstanding: 4 },
  isDoneAcknowledged: true,
  missing: async () => missingPeer('redis-server', 'redis-server', ['bullmq', 'ioredis']),

  async start({ folder }) {
    const port = await findFreePort();
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, ...durable];
    const server = spawnProgram(findProgram('redis-server')!, args);
    try {
      await untilListening(port);
      const note = await checkRedis(port, server.pid);
      return { address: String(port), pids: [server.pid], note, stop: () => server.stop('SIGKILL') };
    } catch (error) {
      await server.stop('SIGKILL');
      throw error;
    }
  },

  async produce(address) {
    const { Queue, QueueEvents } = await loadBull();
    const connection = connectionOf(address);
    const queue = new Queue(QUEUE, { connection });
    const events = new QueueEvents(QUEUE, { connection });
    await events.waitUntilReady();
    const jobOf = ({ payload }: BenchTask) => ({ name: 'task', data: { p: payload.text }, opts: JOB });
    return {
      async enqueueOne({ payload }) {
        await queue.add('task', { p: payload.text }, JOB);
      },
      async enqueueMany(tasks) {
        await queue.addBulk(tasks.map(jobOf));
      },
      async call({ payload }) {
        const job = await queue.add('task', { p: payload.text }, JOB);
        await job.waitUntilFinished(events, 10_000);
      },
      async counts() {
        const counts = await queue.getJobCounts('wait', 'active', 'delayed', 'prioritized');
        return { left: Object.values(counts).reduce((sum, count) => sum + count, 0), stored: null };
      },
      async close() {
        await Promise.all([queue.close(), events.close()]);
      },
    };
  },

  async work(address, { concurrency, onStart, onDone }) {
    const { Worker } = await loadBull();
    const run = async ({ data, attemptsMade }: Job): Promise<string> => {
      onStart(data.p, attemptsMade + 1);
      return 'ok';
    };
    const options = {
      connection: connectionOf(address),
      concurrency,
      autorun: false,
      removeOnComplete: { count: 100 },
    };
    const worker = new Worker(QUEUE, run, options);
    worker.on('completed', () => onDone(1));
    worker.on('error', () => {});
    await worker.waitUntilReady();
    return {
      async begin() {
        void worker.run();
      },
      close: () => worker.close(),
    };
  },
};
