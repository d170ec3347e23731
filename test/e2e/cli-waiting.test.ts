import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import type { EnqueueOptions } from '../../client/index.ts';
import { type Clients, connect } from '../scene/clients.ts';
import { createScene, type Scene } from '../scene/commandline.ts';
import { closeScene } from '../scene/end.ts';
import { until } from '../scene/until.ts';
import { nameOf, openWorker, type RawWorker, type RawWorkerOptions } from '../scene/worker.ts';

const INSTANT = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
const AGE = String.raw`\d+ (s|min)`;

/** What the command line says of one task and of its queue. */
interface Said {
  /** Of `tasks show`, of `tasks list`, of `tasks show --json`, of `queues show`. */
  readonly waitingFor: string;
  readonly running: string;
  readonly listed: string;
  readonly kind: string;
  readonly queue: string;
}

interface Situation {
  /** Makes it so in this queue, and answers the task that it is about. */
  readonly make: (queue: string) => Promise<string>;
  readonly kind: string;
  /** After `waiting for`, as a pattern of the whole; `Q` stands for the queue. */
  readonly words?: string;
  /** The same after `running`. */
  readonly runs?: string;
  /** Of the queue; default: the same as `words`, nothing where it runs. */
  readonly queueWords?: string;
}

describe('why a task does not run, on the command line', function () {
  this.timeout(120_000);
  let scene: Scene;
  let clients: Clients;

  const enqueue = async (queue: string, options: EnqueueOptions<string> = {}): Promise<string> =>
    (await scene.producer.enqueue(queue, 'x', options)).id;

  /** A client that does what the test says, named after the queue that it serves. */
  const open = (queue: string, options: RawWorkerOptions = {}): Promise<RawWorker> =>
    openWorker(clients, { clientId: `robot-${queue}`, queues: [queue], ...options });

  /** One that has been given a task. */
  async function give(queue: string, options: RawWorkerOptions = {}, task: EnqueueOptions<string> = {}) {
    const worker = await open(queue, options);
    const id = await enqueue(queue, task);
    const [first] = await worker.receive(1);
    return { id, worker, delivery: nameOf(first!) };
  }

  async function stop(worker: RawWorker): Promise<void> {
    await worker.cancel();
    await until('the client is away', async () => {
      const { stdout } = await scene.contact('clients', 'list', '--json');
      const all = stdout.split('\n').filter((line) => line !== '');
      return !all.some((line) => JSON.parse(line).client === worker.clientId && JSON.parse(line).connected);
    });
  }

  async function read(id: string, queue: string): Promise<Said> {
    const [shown, listed, json, ofQueue] = await Promise.all([
      scene.contact('tasks', 'show', id),
      scene.contact('tasks', 'list', '--queue', queue),
      scene.contact('tasks', 'show', id, '--json'),
      scene.contact('queues', 'show', queue),
    ]);
    const wordsAfter = (text: string, heading: string): string =>
      new RegExp(`^${heading}: +(.*)$`, 'm').exec(text)?.[1] ?? '';
    const row = listed.stdout.split('\n').find((line) => line.startsWith(id)) ?? '';
    return {
      waitingFor: wordsAfter(shown.stdout, 'waiting for'),
      running: wordsAfter(shown.stdout, 'running'),
      listed: row.split(/ {2,}/).at(-1) ?? '',
      kind: JSON.parse(json.stdout).waiting?.kind ?? '',
      queue: wordsAfter(ofQueue.stdout, 'waiting for'),
    };
  }

  before(async () => {
    scene = await createScene({ pingIntervalMs: 60_000, resumeWindowMs: 600_000, maxUnreceiptedBytes: 70_000 });
    clients = connect(scene);
  });
  after(async () => {
    await closeScene();
    await scene.close();
  });

  const SITUATIONS: Readonly<Record<string, Situation>> = {
    'never-came': {
      make: (queue) => enqueue(queue, { clientId: 'robot-x' }),
      kind: 'client_absent',
      words: 'client robot-x, which is not connected and not remembered',
    },
    went: {
      async make(queue) {
        const worker = await open('went-before', { clientId: 'robot-went' });
        await stop(worker);
        return enqueue(queue, { clientId: 'robot-went' });
      },
      kind: 'client_absent',
      words: `client robot-went, which is not connected since ${INSTANT}`,
    },
    elsewhere: {
      async make(queue) {
        await open('sums', { clientId: 'robot-sums', queues: ['sums', 'texts'] });
        return enqueue(queue, { clientId: 'robot-sums' });
      },
      kind: 'client_elsewhere',
      words: 'client robot-sums, which is connected but does not serve the queue Q; it serves sums, texts',
    },
    'not-served': {
      make: (queue) => enqueue(queue),
      kind: 'not_served',
      words: String.raw`a client: none that is connected serves the queue Q; \d+ clients? \(.*\) serves? others: .*`,
    },
    'no-match': {
      async make(queue) {
        await open(queue, { labels: { site: 'paris' } });
        return enqueue(queue, { selector: 'site=oslo' });
      },
      kind: 'no_match',
      words: String.raw`a client that matches site=oslo: the one client \(robot-Q\) of the queue Q does not, with site=paris`,
    },
    paused: {
      async make(queue) {
        await open(queue);
        await scene.contact('queues', 'pause', queue, '--create');
        return enqueue(queue);
      },
      kind: 'paused',
      words: 'the queue Q to be resumed: it is paused',
    },
    delayed: {
      async make(queue) {
        await open(queue);
        return enqueue(queue, { delayMs: 3_600_000 });
      },
      kind: 'delayed',
      words: `its time, ${INSTANT}`,
      queueWords: 'the time of 1 scheduled task',
    },
    retried: {
      async make(queue) {
        const { id, worker, delivery } = await give(queue);
        const error = { code: 'NO_PAPER', message: 'the tray is empty' };
        await worker.report({ failed: [{ ...delivery, error, retry: 2, retryAfterMs: 3_600_000 }] });
        return id;
      },
      kind: 'retry',
      words: `a retry at ${INSTANT}, after 1 failed attempt, the last: the tray is empty`,
      queueWords: 'the time of 1 scheduled task',
    },
    broadcast: {
      async make(queue) {
        await open(queue);
        return (await scene.producer.broadcast(queue, 'x')).id;
      },
      kind: 'children',
      words: 'its children',
      queueWords: '',
    },
    drained: {
      async make(queue) {
        await open(queue);
        await scene.contact('clients', 'drain', `robot-${queue}`);
        return enqueue(queue);
      },
      kind: 'drained',
      words: String.raw`a client that is not drained: the one client that may take it \(robot-Q\) is drained`,
    },
    limit: {
      async make(queue) {
        await scene.admin.setQueueLimits(queue, { maxRunning: 1, maxWaiting: 0 }, { create: true });
        await give(queue);
        return enqueue(queue);
      },
      kind: 'limit',
      words: 'a place in the queue Q: 1 of at most 1 run',
    },
    full: {
      async make(queue) {
        await give(queue, { maxInFlight: 1 });
        await enqueue(queue);
        return enqueue(queue);
      },
      kind: 'full',
      words: String.raw`credit: the one client that may take it \(robot-Q\) holds all that it may, 1 together; also its turn: 1 other is before it`,
      queueWords: String.raw`credit: the one client that may take it \(robot-Q\) holds all that it may, 1 together`,
    },
    unread: {
      async make(queue) {
        const worker = await open(queue, { givesReceipts: false });
        await scene.producer.enqueue(queue, 'x'.repeat(80_000));
        await worker.receive(1);
        return enqueue(queue);
      },
      kind: 'unread',
      words: String.raw`a client that reads: the one client that may take it \(robot-Q\) has not read what was sent`,
    },
    overdue: {
      async make(queue) {
        const { worker } = await give(queue, { isFull: false }, { timeoutMs: 50, maxAttempts: 1 });
        await until('the timeout', () => worker.cancels.length > 0);
        return enqueue(queue);
      },
      kind: 'overdue',
      words: String.raw`a client that answers: the one client that may take it \(robot-Q\) has an attempt that did not end in time`,
    },
    claimed: {
      make: async (queue) => (await give(queue)).id,
      kind: 'claimed',
      runs: 'on robot-Q, which has it and has not said that it began',
    },
    running: {
      async make(queue) {
        const { id, worker, delivery } = await give(queue);
        const progress = [{ ...delivery, fraction: 0.4, message: 'halves' }];
        worker.send({ started: [delivery], progress });
        await until('the progress', async () => (await read(id, queue)).running.includes('halves'));
        return id;
      },
      kind: 'running',
      runs: `on robot-Q for ${AGE}, 40 % halves told ${AGE} ago`,
    },
    lost: {
      async make(queue) {
        const { id, worker, delivery } = await give(queue);
        worker.send({ started: [delivery] });
        await until('the start', async () => (await read(id, queue)).kind === 'running');
        await stop(worker);
        return id;
      },
      kind: 'lost',
      runs: `on robot-Q for ${AGE}, whose connection was lost: it may come back until ${INSTANT}, then others get the task`,
    },
  };

  for (const [queue, { make, kind, words = '', runs = '', queueWords = words }] of Object.entries(SITUATIONS)) {
    it(`is said in the same words by tasks show and list, and of the queue: ${queue}`, async () => {
      const id = await make(queue);
      const matches = (text: string, pattern: string, what: string): void =>
        assert.match(`${what}: ${text}`, new RegExp(`^${what}: ${pattern.replaceAll('Q', queue)}$`));
      const said = await read(id, queue);
      assert.equal(said.kind, kind);
      matches(said.waitingFor, words, 'tasks show');
      matches(said.running, runs, 'tasks show, running');
      const listed = words.replace(/; also its turn: .*$/, '');
      matches(said.listed, runs === '' ? listed : String.raw`\(running ${runs}\)`, 'tasks list');
      matches(said.queue, queueWords, 'queues show');
    });
  }

  it('names first what somebody has to do, and the rest after it', async () => {
    await open('several', { labels: { site: 'paris' } });
    await scene.contact('queues', 'pause', 'several');
    const id = await enqueue('several', { selector: 'site=oslo', delayMs: 3_600_000 });
    const { waitingFor } = await read(id, 'several');
    assert.match(
      waitingFor,
      new RegExp(
        `^the queue several to be resumed: .*; also its time, ${INSTANT}; also a client that matches site=oslo: `,
      ),
    );
    const { stdout } = await scene.contact('tasks', 'show', id, '--json');
    const { waiting } = JSON.parse(stdout);
    assert.deepEqual(
      [waiting, ...waiting.others].map((one: { kind: string }) => one.kind),
      ['paused', 'delayed', 'no_match'],
    );
  });

  it('is said of clients that give back what they are given', async () => {
    const worker = await open('returned');
    const ids = await Promise.all(['a', 'b'].map(() => enqueue('returned')));
    let given = 0;
    const said = await until('it is held', async () => {
      const untouched = worker.tasks.slice(given).map(nameOf);
      given += untouched.length;
      if (untouched.length > 0) await worker.report({ untouched });
      const { waitingFor, kind } = await read(ids[1]!, 'returned');
      return kind === 'gives_back' && waitingFor;
    });
    assert.match(
      said,
      /^a client that works: the one client .* has given tasks back with nothing done; also its turn: /,
    );
  });

  it('is said where a task is watched', async () => {
    const id = await enqueue('watched', { clientId: 'robot-w' });
    const watching = scene.onTerminal('tasks', 'watch', id);
    await watching.waitFor(/ready {2}waiting for client robot-w, which is not connected and not remembered\r?\n/);
    await scene.contact('tasks', 'cancel', id);
    assert.equal(await watching.ended, 1);
  });
});
