import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createAdmin, createObserver } from '../../client/index.ts';
import { createFolder, type ServerProcess, startNode, startServer, type TestProcess } from '../e2e/process.ts';
import { type Answer, INPUT_KEY, isRight } from './job.ts';
import { type Entry, type Run, readJournal } from './journal.ts';
import type { Accepted, Books, Entered } from './ledger.ts';
import type { ProducerOrder } from './producer.ts';
import type { WorkerOrder } from './worker.ts';

export interface RigOptions {
  /** Further flags of `contact serve`. */
  readonly serverArgs?: readonly string[];
  /** Arguments for the Node that runs it. */
  readonly nodeArgs?: readonly string[];
}

/** A server on a file of its own, producers and workers around it, each a process, and what they noted down. */
export interface Rig {
  readonly address: string;
  readonly server: ServerProcess;
  /** Ends the server, starts it at once on the same file and port; answers how long nobody listened. */
  restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<number>;
  startProducer(order: Partial<ProducerOrder>): TestProcess;
  /** Answers once it is registered. */
  startWorker(order: Partial<WorkerOrder>): Promise<TestProcess>;
  /** Reads results until `count` tasks have one; answers all cursors and task ids as they came. */
  observe(count: number, from?: string): Promise<Seen[]>;
  journal(): Entry[];
  books(): Promise<Books>;
  stop(): Promise<void>;
}

export interface Seen {
  readonly cursor: string;
  readonly taskId: string;
}

export const QUEUE = 'jobs';

export async function createRig({ serverArgs = [], nodeArgs = [] }: RigOptions = {}): Promise<Rig> {
  const folder = createFolder();
  const journal = join(folder, 'journal');
  const store = `sqlite:${join(folder, 'contact.db')}`;
  const args = ['--log-level', 'warn', ...serverArgs];
  let server = await startServer({ store, args, nodeArgs });
  const { address } = server;
  const others: TestProcess[] = [];

  function start(script: string, order: ProducerOrder | WorkerOrder): TestProcess {
    const started = startNode([join(import.meta.dirname, script), JSON.stringify(order)]);
    others.push(started);
    return started;
  }

  async function observe(count: number, from = 'beginning'): Promise<Seen[]> {
    const observer = createObserver({ server: address });
    const seen: Seen[] = [];
    const tasks = new Set<string>();
    try {
      for await (const { cursor, taskId } of observer.results({ queues: [QUEUE], from })) {
        seen.push({ cursor, taskId });
        if (tasks.add(taskId).size >= count) break;
      }
    } finally {
      await observer.close();
    }
    return seen;
  }

  async function readStored(): Promise<Entered[]> {
    const admin = createAdmin({ server: address });
    const stored: Entered[] = [];
    for await (const { id, metadata } of admin.listAllTasks({ queues: [QUEUE] })) {
      stored.push({ id, input: Number(metadata[INPUT_KEY]) });
    }
    await admin.close();
    return stored;
  }

  async function readAccepted(): Promise<Accepted[]> {
    const observer = createObserver<Answer>({ server: address });
    const accepted: Accepted[] = [];
    for await (const result of observer.results({ queues: [QUEUE], from: 'beginning', follow: false })) {
      const input = Number(result.metadata[INPUT_KEY]);
      const answer = result.value();
      accepted.push({ id: result.taskId, input, isRight: answer?.input === input && isRight(answer) });
    }
    await observer.close();
    return accepted;
  }

  const readEntries = (): Entry[] => (existsSync(journal) ? readJournal(journal) : []);

  return {
    address,
    get server() {
      return server;
    },
    async restart(signal) {
      await server.stop(signal);
      const stoppedAt = performance.now();
      server = await startServer({ store, args, nodeArgs, listen: address });
      return performance.now() - stoppedAt;
    },
    startProducer: (order) =>
      start('producer.ts', { server: address, journal, queue: QUEUE, count: 1, slowEvery: 1, slowMs: 1, ...order }),
    async startWorker(order) {
      const worker = start('worker.ts', { server: address, journal, queue: QUEUE, name: '', concurrency: 1, ...order });
      await worker.waitFor(/^connected$/m, 'stdout');
      return worker;
    },
    observe,
    journal: readEntries,
    async books() {
      const entries = readEntries();
      return {
        sent: entries.filter(({ kind }) => kind === 'sent').map(({ input }) => input),
        acknowledged: entries.filter((entry) => entry.kind === 'acknowledged'),
        executed: entries.filter((entry): entry is Run => entry.kind === 'began'),
        stored: await readStored(),
        accepted: await readAccepted(),
      };
    },
    async stop() {
      await Promise.all([...others, server].map((one) => one.stop('SIGKILL')));
    },
  };
}
