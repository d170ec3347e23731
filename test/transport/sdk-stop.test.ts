import assert from 'node:assert/strict';
import { createAdmin, createProducer, createWorker, TaskFailure, TaskRelease } from '../../client/index.ts';
import { TaskState } from '../../gen/contact/v1/task_pb.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { connectTo, startDurable } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const { FAILED, READY, SCHEDULED, SUCCEEDED } = TaskState;

interface Case {
  readonly name: string;
  readonly maxAttempts: number;
  /** How its handler ends once the worker stops. */
  readonly end: (signal: AbortSignal) => unknown;
  readonly state: TaskState;
  readonly attempt?: number;
  readonly error?: readonly [code: string, message: string];
}

function fail(error: unknown): never {
  throw error;
}

const never = () => fail(new TaskFailure('card declined', { code: 'DECLINED', retry: 'never' }));
const later = () => fail(new TaskFailure('bank closed', { retry: { afterMs: 60_000 } }));
const plain = () => fail(new Error('no such card'));
const abort = () => fail(new DOMException('aborted', 'AbortError'));

const CASES: readonly Case[] = [
  { name: 'a final failure', maxAttempts: 3, end: never, state: FAILED, error: ['DECLINED', 'card declined'] },
  {
    name: 'a final failure, last attempt',
    maxAttempts: 1,
    end: never,
    state: FAILED,
    error: ['DECLINED', 'card declined'],
  },
  { name: 'a failure for later', maxAttempts: 3, end: later, state: SCHEDULED, attempt: 1 },
  { name: 'a result', maxAttempts: 3, end: () => 'done', state: SUCCEEDED },
  {
    name: 'a result that cannot be encoded',
    maxAttempts: 3,
    end: () => 1n,
    state: FAILED,
    error: ['INVALID_RESULT', ''],
  },
  { name: 'a release', maxAttempts: 1, end: () => fail(new TaskRelease('not yet')), state: READY, attempt: 0 },
  { name: 'an error', maxAttempts: 3, end: plain, state: READY, attempt: 1 },
  { name: 'an error, last attempt', maxAttempts: 1, end: plain, state: FAILED, error: ['', 'no such card'] },
  { name: 'its abort', maxAttempts: 3, end: abort, state: READY, attempt: 1 },
  { name: 'its abort, last attempt', maxAttempts: 1, end: abort, state: FAILED, error: ['RELEASED', ''] },
  {
    name: 'its reason, last attempt',
    maxAttempts: 1,
    end: (signal) => fail(signal.reason),
    state: FAILED,
    error: ['RELEASED', ''],
  },
];

describe('Worker.stop()', () => {
  afterEach(closeScene);

  it('tells what a handler says at the last moment, and gives back what says no more than that it ended', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    const producer = use(createProducer(connection));
    const admin = use(createAdmin(connection));
    let entered = 0;
    const worker = useWorker(
      createWorker({
        ...connection,
        queues: ['q'],
        concurrency: CASES.length,
        handler: async (place: number, { signal }) => {
          entered += 1;
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          return CASES[place]!.end(signal);
        },
      }),
    );
    const stored = await Promise.all(
      CASES.map(({ maxAttempts }, place) => producer.enqueue('q', place, { maxAttempts })),
    );
    await until('all run', () => entered === CASES.length);
    await worker.stop();
    for (const [place, { name, state, attempt, error }] of CASES.entries()) {
      const task = await admin.describeTask(stored[place]!.id);
      assert.equal(task.state, state, name);
      if (attempt !== undefined) assert.equal(task.attempt, attempt, name);
      if (error) assert.equal(task.error?.code, error[0], name);
      if (error?.[1]) assert.equal(task.error?.message, error[1], name);
    }
  });
});
