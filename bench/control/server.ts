import { create } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { openControlDatabase } from './database.ts';
import {
  AckSchema,
  CountResponseSchema,
  type Result,
  ResultBatchSchema,
  ServerMessageSchema,
  type Task,
  type TaskBatch,
  type WorkerMessage,
} from './gen/control_pb.ts';
import { addIdleStreams } from './idle.ts';
import { controlService } from './wire.ts';

// The thinnest grpc-js server that does contact's work: `server.ts [FILE]`, with a SQLite file or in memory. Prints
// `listening HOST:PORT`. It knows one queue, no credit but a count, no fence, no receipts, no sessions.

type Call<In, Out> = grpc.ServerDuplexStream<In, Out>;

interface ControlWorker {
  readonly call: Call<WorkerMessage, unknown>;
  credit: number;
}

const MAX_TASKS_PER_MESSAGE = 100;
/** Handed-out tasks that may stay at the head of the array before it is cut. */
const MAX_SPENT = 50_000;

const file = process.argv[2];
const database = file === undefined ? null : openControlDatabase(file);
const queue: Task[] = [];
let head = 0;
let handedOut = 0;
let settled = 0;
const workers = new Set<ControlWorker>();
const watchers = new Set<grpc.ServerWritableStream<unknown, unknown>>();
let batches: { call: Call<TaskBatch, unknown>; tasks: Task[] }[] = [];
let reports: { worker: ControlWorker; results: Result[] }[] = [];
let isCommitDue = false;

function push(): void {
  for (const worker of workers) {
    while (worker.credit > 0 && head < queue.length) {
      const count = Math.min(MAX_TASKS_PER_MESSAGE, worker.credit, queue.length - head);
      worker.credit -= count;
      handedOut += count;
      worker.call.write(create(ServerMessageSchema, { tasks: queue.slice(head, head + count) }));
      head += count;
    }
  }
  if (head > MAX_SPENT) {
    queue.splice(0, head);
    head = 0;
  }
}

function* tasksOf(given: typeof batches): Generator<Task> {
  for (const { tasks } of given) yield* tasks;
}

function* resultsOf(given: typeof reports): Generator<Result> {
  for (const { results } of given) yield* results;
}

function commit(): void {
  isCommitDue = false;
  const [newBatches, newReports] = [batches, reports];
  batches = [];
  reports = [];
  database?.commit(tasksOf(newBatches), resultsOf(newReports));
  for (const { call, tasks } of newBatches) {
    for (const task of tasks) queue.push(task);
    call.write(create(AckSchema, { count: BigInt(tasks.length) }));
  }
  for (const { worker, results } of newReports) {
    settled += results.length;
    handedOut -= results.length;
    worker.credit += results.length;
    worker.call.write(create(ServerMessageSchema, { acknowledged: results.map(({ id }) => id) }));
    for (const watcher of watchers) watcher.write(create(ResultBatchSchema, { results }));
  }
  push();
}

function commitLater(): void {
  if (isCommitDue) return;
  isCommitDue = true;
  setImmediate(commit);
}

function produce(call: Call<TaskBatch, unknown>): void {
  call.on('data', ({ tasks }: TaskBatch) => {
    batches.push({ call, tasks });
    commitLater();
  });
  call.on('end', () => call.end());
}

function work(call: Call<WorkerMessage, unknown>): void {
  const worker: ControlWorker = { call, credit: 0 };
  workers.add(worker);
  call.on('data', ({ credits, results }: WorkerMessage) => {
    worker.credit += credits;
    if (results.length === 0) return push();
    reports.push({ worker, results });
    commitLater();
  });
  for (const event of ['cancelled', 'error', 'end']) call.on(event, () => workers.delete(worker));
  call.on('end', () => call.end());
}

function watch(call: grpc.ServerWritableStream<unknown, unknown>): void {
  watchers.add(call);
  call.on('cancelled', () => watchers.delete(call));
}

function count(_: unknown, answer: grpc.sendUnaryData<unknown>): void {
  const counts = database?.count() ?? { left: queue.length - head + handedOut, settled };
  answer(null, create(CountResponseSchema, { left: BigInt(counts.left), settled: BigInt(counts.settled) }));
}

const server = new grpc.Server({ 'grpc.max_receive_message_length': 64 * 2 ** 20 });
server.addService(controlService, { produce, work, watch, count, ...addIdleStreams() });
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`listening 127.0.0.1:${port}`);
});
