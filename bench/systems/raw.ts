import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { ChurnMap } from '../../shared/churn.ts';
import {
  type Ack,
  CountRequestSchema,
  type CountResponse,
  type ResultBatch,
  ResultSchema,
  type ServerMessage,
  type Task,
  TaskBatchSchema,
  TaskSchema,
  WatchRequestSchema,
  WorkerMessageSchema,
} from '../control/gen/control_pb.ts';
import { controlService } from '../control/wire.ts';
import { spawnProgram } from '../spawn.ts';
import type { BenchTask, Counts, Producer, System, Work, Worker } from '../system.ts';

const SERVER = join(import.meta.dirname, '..', 'control', 'server.ts');
const MAX_MESSAGE_BYTES = 64 * 2 ** 20;
const RESULT = Buffer.from('ok');

interface ControlClient extends grpc.Client {
  produce(): grpc.ClientDuplexStream<unknown, Ack>;
  work(): grpc.ClientDuplexStream<unknown, ServerMessage>;
  watch(request: unknown): grpc.ClientReadableStream<ResultBatch>;
  count(request: unknown, answer: grpc.requestCallback<CountResponse>): void;
}

const Client = grpc.makeGenericClientConstructor(controlService, 'Control');

export function connectControl(address: string): ControlClient {
  const options = { 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES, 'grpc.use_local_subchannel_pool': 1 };
  return new Client(address, grpc.credentials.createInsecure(), options) as unknown as ControlClient;
}

/** Ends of calls that we ended ourselves. */
function ignoreErrors(call: { on(event: 'error', listener: () => void): unknown }): void {
  call.on('error', () => {});
}

async function produce(address: string): Promise<Producer> {
  const client = connectControl(address);
  const call = client.produce();
  const waiting: (() => void)[] = [];
  ignoreErrors(call);
  call.on('data', () => waiting.shift()?.());
  // As contact's clients have it: an observer of results, for those who wait for one.
  const watcher = client.watch(create(WatchRequestSchema));
  const callers = new ChurnMap<string, () => void>();
  ignoreErrors(watcher);
  watcher.on('data', ({ results }: ResultBatch) => {
    if (callers.size === 0) return;
    for (const { id } of results) {
      callers.get(id)?.();
      callers.delete(id);
    }
  });
  let lastId = 1_000_000_000;

  function createTask({ queue, payload }: BenchTask): Task {
    lastId += 1;
    return create(TaskSchema, { id: `t${lastId}`, queue, payload: payload.bytes });
  }

  function send(tasks: Task[]): Promise<void> {
    return new Promise((resolve) => {
      waiting.push(resolve);
      call.write(create(TaskBatchSchema, { tasks }));
    });
  }

  return {
    enqueueOne: (task) => send([createTask(task)]),
    enqueueMany: (tasks) => send(tasks.map(createTask)),
    call(given) {
      return new Promise((resolve, reject) => {
        const task = createTask(given);
        callers.set(task.id, resolve);
        send([task]).catch(reject);
      });
    },
    counts(): Promise<Counts> {
      return new Promise((resolve, reject) =>
        client.count(create(CountRequestSchema), (error, answer) => {
          if (error || !answer) return reject(error);
          resolve({ left: Number(answer.left), stored: Number(answer.settled) });
        }),
      );
    },
    async close() {
      call.cancel();
      watcher.cancel();
      client.close();
    },
  };
}

async function work(address: string, { concurrency, onStart, onDone }: Work): Promise<Worker> {
  const client = connectControl(address);
  const call = client.work();
  ignoreErrors(call);
  call.on('data', ({ tasks, acknowledged }: ServerMessage) => {
    if (acknowledged.length > 0) onDone(acknowledged.length);
    if (tasks.length === 0) return;
    for (const { payload } of tasks) onStart(payload, 1);
    const results = tasks.map(({ id }) => create(ResultSchema, { id, ok: true, output: RESULT }));
    call.write(create(WorkerMessageSchema, { results }));
  });
  return {
    async begin() {
      call.write(create(WorkerMessageSchema, { credits: concurrency }));
    },
    async close() {
      call.cancel();
      client.close();
    },
  };
}

function createControl(name: string, settings: string, hasFile: boolean): System {
  return {
    name,
    kind: 'control',
    settings,
    isDurable: hasFile,
    abilities: ['tasks', 'call', 'queues', 'large'],
    // Fixed, so that the yardstick stays the same from run to run.
    concurrencies: [1_000],
    batch: { size: 500, outstanding: 4 },
    isDoneAcknowledged: true,
    missing: async () => null,
    async start({ folder, nodeArgs = [], env = {}, under = [] }) {
      const file = hasFile ? [join(folder, 'control.db')] : [];
      const [command = '', ...args] = [...under, process.execPath, ...nodeArgs, SERVER, ...file];
      const server = spawnProgram(command, args, { env });
      const [, address = ''] = await server.waitFor(/^listening (\S+)$/m);
      return { address, pids: [server.pid], stop: () => server.stop() };
    },
    produce,
    work,
  };
}

const BATCHING = 'batches of 500, 4 at a time, up to 100 tasks per message, credit 1,000';

export const rawSqlite = createControl(
  'raw-sqlite',
  `bare grpc-js with node:sqlite, WAL synchronous=FULL, one commit per event-loop turn; ${BATCHING}`,
  true,
);

export const rawMemory = createControl('raw-memory', `bare grpc-js, in memory: nothing is kept; ${BATCHING}`, false);
