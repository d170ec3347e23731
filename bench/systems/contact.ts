import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  bytes,
  type ConnectionOptions,
  createAdmin,
  createProducer,
  createWorker,
  TaskFailure,
} from '../../client/index.ts';
import { createCalls } from '../control/calls.ts';
import { Calls } from '../control/gen/control_pb.ts';
import { spawnProgram } from '../spawn.ts';
import type { BenchTask, Counts, System } from '../system.ts';

const COMMAND = join(import.meta.dirname, '..', '..', 'bin', 'contact.js');
/** What the command's first line gives Node. */
const NODE_FLAGS = readFileSync(COMMAND, 'utf8').split('\n', 1)[0]!.match(/--\S+/g) ?? [];
const RESULT = Buffer.from('ok');

/** How clients reach a server; in JSON it is the address of a system that has more than HOST:PORT. */
interface Reach {
  readonly server: string;
  readonly token?: string;
  /** Certificate of the authority of a server with TLS. */
  readonly caFile?: string;
}

const quickly = { baseMs: 20, capMs: 200 };

/** What is added to `contact serve` with its defaults, to see what it costs. */
export interface Part {
  /** Further arguments of `contact serve`. */
  readonly serve?: readonly string[];
  /** A module that the server and each program of the SDK load first. */
  readonly preload?: string;
  /** How clients reach the server, once it listens. */
  reach?(address: string, store: string): Promise<Reach>;
}

/** As its users run it: `contact serve` with its defaults on a SQLite file, and the SDK on both sides. */
export const contact: System = {
  ...createContact(),
  name: 'contact',
  settings: 'contact serve, SQLite WAL, its log synced before every acknowledgement; SDK, batches of 500, 4 at a time',
};

export function createContact({ serve: more = [], preload, reach }: Part = {}): Omit<System, 'name' | 'settings'> {
  return {
    kind: 'contact',
    isDurable: true,
    abilities: ['tasks', 'call', 'retry', 'queues', 'large', 'calls', 'streams'],
    concurrencies: [500, 1_000, 2_000],
    batch: { size: 500, outstanding: 4 },
    // The SDK keeps a result until the server has stored it, and tells nobody.
    isDoneAcknowledged: false,
    missing: async () => null,

    async start({ folder, nodeArgs = [], env = {}, under = [] }) {
      const store = join(folder, 'contact.db');
      const listen = ['--listen', '127.0.0.1:0', '--store', `sqlite:${store}`, '--log-level', 'warn'];
      const first = preload === undefined ? [] : ['--import', preload];
      const serve = [...NODE_FLAGS, ...first, ...nodeArgs, COMMAND, 'serve', ...listen, ...more];
      const [command = '', ...args] = [...under, process.execPath, ...serve];
      const server = spawnProgram(command, args, { env });
      const [, address = ''] = await server.waitFor(/^listening (\S+)$/m);
      const reached = reach ? JSON.stringify(await reach(address, store)) : address;
      return { address: reached, pids: [server.pid], stop: () => server.stop() };
    },

    async produce(address) {
      if (preload !== undefined) await import(preload);
      const producer = createProducer({ ...readReach(address), codec: bytes });
      const admin = createAdmin({ ...readReach(address), backoff: quickly });
      await producer.connected();
      const input = ({ queue, payload }: BenchTask) => ({ queue, payload: payload.bytes });
      return {
        async enqueueOne({ queue, payload }) {
          await producer.enqueue(queue, payload.bytes);
        },
        async enqueueMany(tasks) {
          await producer.enqueueBatch(tasks.map(input));
        },
        async call({ queue, payload }) {
          await producer.call(queue, payload.bytes);
        },
        async counts(): Promise<Counts> {
          let left = 0;
          let stored = 0;
          for await (const queue of admin.listAllQueues()) {
            left += queue.ready + queue.scheduled + queue.running;
            stored += queue.succeeded;
          }
          return { left, stored };
        },
        async close() {
          await Promise.all([producer.close(), admin.close()]);
        },
      };
    },

    async work(address, { queues, concurrency, onStart, onDone }) {
      if (preload !== undefined) await import(preload);
      let close = async (): Promise<void> => {};
      return {
        async begin() {
          const worker = createWorker<Uint8Array, Uint8Array>({
            ...readReach(address),
            queues,
            concurrency,
            codec: bytes,
            handler: (payload, { attempt }) => {
              try {
                onStart(payload, attempt);
              } catch (error) {
                throw new TaskFailure(String(error), { retry: { afterMs: 0 } });
              }
              onDone(1);
              return RESULT;
            },
          });
          close = () => worker.drain({ deadlineMs: 2_000 });
          await worker.connected();
        },
        close: () => close(),
      };
    },

    async serve(address) {
      const worker = createWorker(readReach(address));
      worker.serve(Calls, createCalls());
      await worker.connected();
      return { close: () => worker.stop() };
    },
  };
}

function readReach(address: string): ConnectionOptions {
  if (!address.startsWith('{')) return { server: address };
  const { caFile, ...reach } = JSON.parse(address) as Reach;
  return caFile === undefined ? reach : { ...reach, tls: { ca: readFileSync(caFile) } };
}

/** The same with calls that are tasks until they are answered. */
export const contactDurable: System = {
  ...contact,
  name: 'contact-durable',
  settings: 'the same; each call is a task, stored before it is handed to the client, and so is its answer',
  abilities: ['calls'],
  concurrencies: [1],
  callMetadata: { 'contact-mode': 'durable' },
};
