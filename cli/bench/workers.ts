import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { bytes, type ConnectionOptions, createWorker } from '../../client/index.ts';
import { CommandFailure } from '../exit.ts';
import { stampResult } from './stamp.ts';

/** One worker of a bench, or all of them. */
export interface BenchWorkers {
  /** Rejects when a worker has ended before `stop()`; never resolves. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

/** What one worker of a bench is told to do. */
export interface WorkerOrder {
  readonly connection: Omit<ConnectionOptions, 'logger'>;
  readonly queue: string;
  readonly concurrency: number;
}

const STOP_MS = 5_000;

/** Starts so many workers, in this process or each in its own; resolves when all of them are connected. */
export async function startWorkers(order: WorkerOrder, count: number, isForked: boolean): Promise<BenchWorkers> {
  const members = await Promise.all(Array.from({ length: count }, () => (isForked ? forkWorker : startWorker)(order)));
  const failed = Promise.race(members.map((member) => member.failed));
  failed.catch(() => undefined);
  return {
    failed,
    stop: async () => void (await Promise.all(members.map((member) => member.stop()))),
  };
}

/** Starts one worker in this process. */
export async function startWorker({ connection, queue, concurrency }: WorkerOrder): Promise<BenchWorkers> {
  const worker = createWorker({ ...connection, queues: [queue], concurrency, codec: bytes, handler: stampResult });
  await worker.connected();
  // `finished` resolves when the worker was told to stop, which is no failure.
  const failed = worker.finished.then(() => new Promise<never>(() => undefined));
  failed.catch(() => undefined);
  return { failed, stop: () => worker.drain({ deadlineMs: STOP_MS }) };
}

/** Starts one worker in a process of its own, which ends with this one. */
async function forkWorker(order: WorkerOrder): Promise<BenchWorkers> {
  const script = new URL(`worker${extname(import.meta.filename)}`, import.meta.url);
  const child = fork(script, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = endOf(child);
  child.send(order);
  await Promise.race([once(child, 'message'), ended]);
  return {
    failed: ended,
    async stop() {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}

function endOf(child: ChildProcess): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  child.once('exit', (code, signal) => {
    reject(new CommandFailure(`a worker of the bench has ended with ${signal ?? `exit code ${code}`}`));
  });
  return promise;
}
