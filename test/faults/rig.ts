import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAdmin, createObserver, createProducer } from '../../client/index.ts';
import { createFolder } from '../scene/folder.ts';
import { type ServerProcess, startContact, startNode, startServer, type TestProcess } from '../scene/process.ts';
import { type Answer, INPUT_KEY, isRight, type Job } from './job.ts';
import type { WorkerOrder } from './jobworker.ts';
import { type Entry, openJournal, type Run, readJournal } from './journal.ts';
import type { Accepted, Entered, Ledger } from './ledger.ts';
import type { ProducerOrder } from './producer.ts';

export interface RigOptions {
  /** Further flags of `contact serve`. */
  readonly serverArgs?: readonly string[];
  /** Arguments for the Node that runs it. */
  readonly nodeArgs?: readonly string[];
  /** Added to its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where its file is; default: beside the journals. */
  readonly storeFolder?: string;
}

/** A server on a file of its own, producers and workers around it, each a process, and what they noted down. */
export interface Rig {
  readonly address: string;
  readonly server: ServerProcess;
  /** Ends the server, starts it at once on the same file and port; answers how long nobody listened. */
  restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<number>;
  /** Ends the server; the next one on the same file and port is killed so long after its start, listening or not. */
  restartInVain(aliveMs: number): Promise<void>;
  /** The next server on the same file and port, after `server.stop()`; answers when it listens. */
  startAgain(): Promise<void>;
  startProducer(order: Partial<ProducerOrder>): TestProcess;
  /** Answers once it is registered. */
  startWorker(order: Partial<WorkerOrder>): Promise<TestProcess>;
  /** What a worker of this rig is told; for one inside the test. */
  workerOrder(order: Partial<WorkerOrder>): WorkerOrder;
  /** From within the test: inputs from 0 on, each with its own `workMs`. Answers how many were stored before. */
  enqueue(workMs: readonly number[], where?: Where): Promise<number>;
  /** Reads results until `count` tasks have one; answers them as they came. `from`: a cursor; default the beginning. */
  observe(count: number, where?: Where & { readonly from?: string | undefined }): Promise<Seen[]>;
  journal(queue?: string): Entry[];
  ledger(queue?: string): Promise<Ledger>;
  stop(): Promise<void>;
}

export interface Where {
  readonly queue?: string;
  /** Default: straight to the server. */
  readonly server?: string;
  readonly maxAttempts?: number;
}

export interface Seen {
  readonly cursor: string;
  readonly taskId: string;
}

const QUEUE = 'jobs';

export async function createRig(options: RigOptions = {}): Promise<Rig> {
  const { serverArgs = [], nodeArgs = [], env = {} } = options;
  const folder = createFolder();
  const store = `sqlite:${join(options.storeFolder ?? folder, 'contact.db')}`;
  const args = ['--log-level', 'warn', ...serverArgs];
  let server = await startServer({ store, args, nodeArgs, env });
  const { address } = server;
  const others: TestProcess[] = [];
  const journalOf = (queue = QUEUE): string => join(folder, `${queue}.journal`);

  function start(script: string, order: ProducerOrder | WorkerOrder): TestProcess {
    const started = startNode([join(import.meta.dirname, script), JSON.stringify(order)]);
    others.push(started);
    return started;
  }

  async function startAgain(): Promise<void> {
    server = await startServer({ store, args, nodeArgs, env, listen: address });
  }

  function workerOrder(order: Partial<WorkerOrder>): WorkerOrder {
    const { queue = QUEUE } = order;
    return { server: address, journal: journalOf(queue), queue, name: '', concurrency: 1, ...order };
  }

  function readEntries(queue?: string): Entry[] {
    return existsSync(journalOf(queue)) ? readJournal(journalOf(queue)) : [];
  }

  return {
    address,
    get server() {
      return server;
    },
    async restart(signal) {
      await server.stop(signal);
      const stoppedAt = performance.now();
      await startAgain();
      return performance.now() - stoppedAt;
    },
    async restartInVain(aliveMs) {
      await server.stop('SIGKILL');
      const started = startContact(['serve', '--listen', address, '--store', store, ...args], { nodeArgs, env });
      await sleep(aliveMs);
      await started.stop('SIGKILL');
    },
    startAgain,
    startProducer(order) {
      const { queue = QUEUE } = order;
      const journal = journalOf(queue);
      return start('producer.ts', {
        server: address,
        journal,
        queue,
        count: 1,
        slowEvery: 1,
        slowMs: [0, 0],
        ...order,
      });
    },
    async startWorker(order) {
      const worker = start('worker.ts', workerOrder(order));
      await worker.waitFor(/^connected$/m, 'stdout');
      return worker;
    },
    workerOrder,
    async enqueue(workMs, { queue = QUEUE, server: through = address, ...attempts } = {}) {
      const journal = openJournal(journalOf(queue));
      const producer = createProducer<Job>({ server: through });
      journal.write(workMs.map((_, input) => ({ kind: 'sent', input })));
      const stored = await Promise.all(
        workMs.map((ms, input) =>
          producer.enqueue(queue, { input, workMs: ms }, { ...attempts, metadata: { [INPUT_KEY]: String(input) } }),
        ),
      );
      journal.write(stored.map(({ id }, input) => ({ kind: 'acknowledged', input, id })));
      journal.close();
      await producer.close();
      return stored.filter(({ deduplicated }) => deduplicated).length;
    },
    async observe(count, { from = 'beginning', queue = QUEUE, server: through = address } = {}) {
      const observer = createObserver({ server: through });
      const seen: Seen[] = [];
      const tasks = new Set<string>();
      for await (const { cursor, taskId } of observer.results({ queues: [queue], from })) {
        seen.push({ cursor, taskId });
        if (tasks.add(taskId).size >= count) break;
      }
      await observer.close();
      return seen;
    },
    journal: readEntries,
    async ledger(queue = QUEUE) {
      const entries = readEntries(queue);
      return {
        sent: entries.filter(({ kind }) => kind === 'sent').map(({ input }) => input),
        acknowledged: entries.filter((entry) => entry.kind === 'acknowledged'),
        executed: entries.filter((entry): entry is Run => entry.kind === 'began'),
        stored: await readStored(address, queue),
        accepted: await readAccepted(address, queue),
      };
    },
    async stop() {
      await Promise.all([...others, server].map((one) => one.stop('SIGKILL')));
    },
  };
}

async function readStored(server: string, queue: string): Promise<Entered[]> {
  const admin = createAdmin({ server });
  const stored: Entered[] = [];
  for await (const { id, metadata } of admin.listAllTasks({ queues: [queue] })) {
    stored.push({ id, input: Number(metadata[INPUT_KEY]) });
  }
  await admin.close();
  return stored;
}

async function readAccepted(server: string, queue: string): Promise<Accepted[]> {
  const observer = createObserver<Answer>({ server });
  const accepted: Accepted[] = [];
  for await (const result of observer.results({ queues: [queue], from: 'beginning', follow: false })) {
    const input = Number(result.metadata[INPUT_KEY]);
    const answer = result.value();
    accepted.push({ id: result.taskId, input, isRight: answer?.input === input && isRight(answer) });
  }
  await observer.close();
  return accepted;
}
