import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe } from 'mocha';
import { createObserver, createProducer, type TaskResult } from '../../client/index.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, startNode, startServer, type TestProcess } from '../scene/process.ts';
import type { Chance } from './chance.ts';
import type { Figures } from './figuretable.ts';
import type { FragileAnswer, FragileJob, FragileOrder } from './fragile.ts';
import { itSurvives, itSurvivesAtDefaults, type RunRound, scaled } from './rounds.ts';

const INNOCENT = 20;
const PREFETCH = 5;
const MAX_ATTEMPTS = isFull ? 3 : 2;
const SCALED = scaled(5_000, 300);

interface Supervisor {
  readonly deaths: number;
  stop(): Promise<void>;
}

/** A worker, and the next one when it has died. */
function supervise(order: FragileOrder): Supervisor {
  let deaths = 0;
  let isStopped = false;
  let worker: TestProcess;
  async function run(): Promise<void> {
    while (!isStopped) {
      worker = startNode([join(import.meta.dirname, 'fragile.ts'), JSON.stringify(order)]);
      const { signal, stderr } = await worker.ended;
      if (signal === 'SIGKILL') deaths += 1;
      else assert.ok(isStopped, stderr);
    }
  }
  const running = run();
  return {
    get deaths() {
      return deaths;
    },
    async stop() {
      isStopped = true;
      await worker.stop('SIGTERM');
      await running;
    },
  };
}

interface Poison {
  readonly diesAfterMs: (chance: Chance) => number;
  /** Absent: each process is another client, and the window of the one before has to pass. */
  readonly clientId?: string;
  readonly maxAttempts?: number;
  readonly prefetch?: number;
}

const POISONS: Readonly<Record<string, Poison>> = {
  'poison while it runs': { diesAfterMs: (chance) => chance.between(1, 50), clientId: 'fragile' },
  'poison while it runs, each time another client': { diesAfterMs: (chance) => chance.between(1, 50) },
  'poison the moment it begins': { diesAfterMs: () => 0, clientId: 'fragile' },
  'poison the moment it begins, one attempt': { diesAfterMs: () => 0, clientId: 'fragile', maxAttempts: 1 },
  'poison the moment it begins, one attempt, nothing waits beside it': {
    diesAfterMs: () => 0,
    clientId: 'fragile',
    maxAttempts: 1,
    prefetch: 0,
  },
};

/** The short form has one that is tried again, and one that is not. */
const SHORT: readonly string[] = ['poison while it runs', 'poison the moment it begins, one attempt'];

const swallow =
  ({ diesAfterMs, clientId, maxAttempts = MAX_ATTEMPTS, prefetch = PREFETCH }: Poison): RunRound =>
  async ({ serverArgs }, chance): Promise<Figures> => {
    const queue = 'poisoned';
    const server = await startServer({ args: serverArgs });
    const producer = createProducer<FragileJob>({ server: server.address });
    const observer = createObserver<FragileAnswer>({ server: server.address });
    const place = chance.between(0, INNOCENT);
    const jobs: FragileJob[] = Array.from({ length: INNOCENT }, (_, n) => ({ name: `innocent ${n}` }));
    jobs.splice(place, 0, { name: 'poison', diesAfterMs: diesAfterMs(chance) });
    const stored = await producer.enqueueBatch(jobs.map((payload) => ({ queue, payload, maxAttempts })));
    const supervisor = supervise({ server: server.address, queue, prefetch, ...(clientId && { clientId }) });
    const results = new Map<string, TaskResult<FragileAnswer>>();
    let acceptedTwice = 0;
    for await (const result of observer.results({ queues: [queue], from: 'beginning' })) {
      if (results.has(result.taskId)) acceptedTwice += 1;
      results.set(result.taskId, result);
      if (results.size === jobs.length) break;
    }
    await supervisor.stop();
    const poisonId = stored[place]?.id ?? '';
    const { state, error, attempt } = results.get(poisonId) ?? {};
    results.delete(poisonId);
    // At its last attempt nobody can say of those that waited in a process that died that they had not begun.
    const fallen = maxAttempts === 1 ? [...results.values()].filter((result) => result.state === 'failed') : [];
    for (const result of fallen) assert.equal(result.error?.code, 'LOST');
    assert.ok(fallen.length <= prefetch, `${fallen.length} neighbours failed`);
    for (const { taskId } of fallen) results.delete(taskId);
    const answers = [...results.values()].map((result) => result.value());
    const again = answers.filter((answer) => (answer?.delivery ?? 0) > 1).length;
    console.log(
      `    at place ${place}: ${supervisor.deaths} died, ${again} neighbours delivered again, ${fallen.length} fell; ` +
        `poison ${state} ${error?.code} at attempt ${attempt}`,
    );
    assert.deepEqual([state, error?.code, attempt], ['failed', 'LOST', maxAttempts]);
    assert.deepEqual(
      answers.map((answer) => answer?.attempt),
      Array(INNOCENT - fallen.length).fill(1),
    );
    assert.equal(acceptedTwice, 0);
    const redelivered = again + (maxAttempts > 1 ? 1 : 0);
    // One more: the first process may die before it has said a word, but not of a task that must not run twice.
    assert.ok(supervisor.deaths <= (maxAttempts === 1 ? 1 : maxAttempts + 1), `${supervisor.deaths} died`);
    await Promise.all([producer.close(), observer.close()]);
    await server.stop();
    return { tasks: jobs.length, lost: 0, acceptedTwice, executedTwice: null, redelivered, longestMs: null };
  };

describe('a task that kills its process', () => {
  cleanUpProcesses();

  const FAULTS: Record<string, RunRound> = {};
  for (const [fault, poison] of Object.entries(POISONS)) {
    FAULTS[fault] = swallow(poison);
    if (!isFull && !SHORT.includes(fault)) continue;
    const title = `(${fault}) fails after its attempts, and its neighbours burn nothing but a last attempt`;
    itSurvives(title, { fault, setting: SCALED, sideBySide: 2 }, swallow(poison));
  }
  itSurvivesAtDefaults(FAULTS);
});
