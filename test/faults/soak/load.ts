import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ConnectionOptions,
  createAdmin,
  createCaller,
  createObserver,
  createProducer,
  createWorker,
  TaskFailure,
  type Worker,
} from '../../../client/index.ts';
import { Echo } from '../../echo/gen/echo_pb.ts';
import { type Answer, answerJob, isRight, type Job } from '../job.ts';

// Everything that clients do, at once and for as long as it is let: node load.ts '{"seconds": 60, …}'. Prints `load {…}`, its
// counts, when it ends. What comes and goes, does so again and again; what is wrong ends it with a failure.

export interface LoadOrder {
  readonly seconds: number;
  /** Tasks a second. */
  readonly rate: number;
  readonly connection: { readonly server: string; readonly token?: string; readonly caFile?: string };
}

export interface LoadCounts {
  enqueued: number;
  answered: number;
  wrong: number;
  twice: number;
  cancelled: number;
  calls: number;
  durableCalls: number;
  workersReplaced: number;
  observersReplaced: number;
  connections: number;
  refused: number;
}

/** Of the results that were seen, those that are remembered to find one that comes twice. */
const MAX_REMEMBERED = 50_000;
const TURN_MS = 100;
const QUEUES = ['soak/a', 'soak/b', 'soak/c'];

export async function makeLoad(order: LoadOrder, connection: ConnectionOptions): Promise<LoadCounts> {
  const counts: LoadCounts = {
    enqueued: 0,
    answered: 0,
    wrong: 0,
    twice: 0,
    cancelled: 0,
    calls: 0,
    durableCalls: 0,
    workersReplaced: 0,
    observersReplaced: 0,
    connections: 0,
    refused: 0,
  };
  const until = performance.now() + order.seconds * 1_000;
  const isOver = (): boolean => performance.now() >= until;

  /** Runs `turn` again and again until the time is over. */
  async function repeat(everyMs: number, turn: () => Promise<void>): Promise<void> {
    while (!isOver()) {
      await turn();
      await sleep(everyMs);
    }
  }

  function startWorker(): Worker {
    return createWorker<Job, Answer>({
      ...connection,
      queues: QUEUES,
      concurrency: 8,
      handler: async (job, { taskId, signal }) => {
        if (job.workMs > 0) await sleep(job.workMs, undefined, { signal });
        if (job.input % 97 === 0) throw new TaskFailure(`an odd input of ${taskId}`);
        return answerJob(job);
      },
    });
  }

  async function produce(): Promise<void> {
    const producer = createProducer<Job & { readonly filler: string }>(connection);
    const admin = createAdmin(connection);
    let input = 0;
    await repeat(TURN_MS, async () => {
      const turn = Array.from({ length: Math.ceil((order.rate * TURN_MS) / 1_000) }, () => input++);
      const stored = await Promise.all(
        turn.map((each) =>
          producer.enqueue(
            QUEUES[each % QUEUES.length]!,
            { input: each, workMs: each % 13, filler: randomBytes(each % 31 === 0 ? 10_000 : 40).toString('hex') },
            { priority: each % 3, maxAttempts: 2, ...(each % 11 === 0 ? { delayMs: 2_000 } : {}) },
          ),
        ),
      );
      counts.enqueued += stored.length;
      const [first] = stored;
      if (first && input % 50 < turn.length) {
        await admin.cancelTasks({ ids: [first.id] });
        counts.cancelled += 1;
      }
    });
    await producer.close();
    await admin.close();
  }

  async function work(): Promise<void> {
    const workers = Array.from({ length: 4 }, startWorker);
    let turn = 0;
    await repeat(500, async () => {
      const place = turn % (workers.length - 1);
      // One in two drains, the others are gone at once; the last worker stays as long as the load.
      if (turn % 2 === 0) await workers[place]!.drain();
      else await workers[place]!.stop({ deadlineMs: 0 });
      workers[place] = startWorker();
      counts.workersReplaced += 1;
      turn += 1;
    });
    await Promise.all(workers.map((worker) => worker.stop()));
  }

  async function observe(): Promise<void> {
    const observer = createObserver<Answer>(connection);
    const timer = setTimeout(() => void observer.close(), order.seconds * 1_000);
    const seen = new Set<string>();
    for await (const result of observer.results({ queues: QUEUES, from: 'now' })) {
      if (seen.has(result.taskId)) counts.twice += 1;
      seen.add(result.taskId);
      if (seen.size > MAX_REMEMBERED) seen.delete(seen.values().next().value!);
      if (result.state !== 'succeeded') continue;
      counts.answered += 1;
      if (!isRight(result.value()!)) counts.wrong += 1;
    }
    clearTimeout(timer);
  }

  /** Observers that read a little and go. */
  async function glance(): Promise<void> {
    await repeat(1_000, async () => {
      const observer = createObserver(connection);
      let read = 0;
      for await (const _ of observer.results({ from: 'oldest', follow: false })) if (++read >= 50) break;
      await observer.close();
      counts.observersReplaced += 1;
    });
  }

  async function operate(): Promise<void> {
    const admin = createAdmin(connection);
    await repeat(1_000, async () => {
      await admin.listQueues();
      await admin.listClients();
      await admin.listTasks({ queues: [QUEUES[0]!] });
      await admin.pauseQueue(QUEUES[2]!, { create: true });
      await admin.resumeQueue(QUEUES[2]!);
      await admin.serverInfo();
    });
    await admin.close();
  }

  async function call(): Promise<void> {
    const callee = createWorker({ ...connection, clientId: 'soak-callee', concurrency: 8 });
    callee.serve(Echo, {
      unary: ({ body }) => ({ body }),
      async *down({ body }) {
        yield { body };
      },
      up: () => ({}),
      chat: (requests) => requests,
    });
    const caller = createCaller({ ...connection, clientId: 'soak-callee', waitMs: 10_000 });
    const stub = caller.stub(Echo);
    await repeat(100, async () => {
      const body = randomBytes(500);
      const answer = await stub.unary({ body });
      counts.calls += 1;
      if (!Buffer.from(answer.body).equals(body)) counts.wrong += 1;
      if (counts.calls % 10 !== 0) return;
      const kept = await caller.keep(Echo.method.unary, { body });
      const late = await kept.answer();
      counts.durableCalls += 1;
      if (!Buffer.from(late.body).equals(body)) counts.wrong += 1;
    });
    await caller.close();
    await callee.stop();
  }

  /** Connections that come, ask once and go; and those that are refused where a token is asked for. */
  async function visit(): Promise<void> {
    await repeat(250, async () => {
      const admin = createAdmin(connection);
      await admin.serverInfo();
      await admin.close();
      counts.connections += 1;
      if (connection.token === undefined) return;
      const stranger = createAdmin({ ...connection, token: `ct_${'0'.repeat(16)}_${'A'.repeat(43)}` });
      await stranger.serverInfo().catch(() => {
        counts.refused += 1;
      });
      await stranger.close();
    });
  }

  await Promise.all([produce(), work(), observe(), glance(), operate(), call(), visit()]);
  return counts;
}

if (import.meta.main) {
  const order = JSON.parse(process.argv[2]!) as LoadOrder;
  const { server, token, caFile } = order.connection;
  const { readFileSync } = await import('node:fs');
  const counts = await makeLoad(order, {
    server,
    backoff: { baseMs: 20, capMs: 250 },
    logger: { info: () => {}, warn: () => {} },
    ...(token === undefined ? {} : { token }),
    ...(caFile === undefined ? {} : { tls: { ca: readFileSync(caFile) } }),
  });
  console.log(`load ${JSON.stringify(counts)}`);
}
