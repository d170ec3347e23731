import assert from 'node:assert/strict';
import type { SendStatusResponse } from '../../gen/index.ts';
import { writeMetadata } from '../scene/classic.ts';
import { connect, enqueue } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { nameOf, openWorker } from '../scene/worker.ts';

const PING_MS = 40;

describe('a response stream with nothing to say', () => {
  afterEach(closeScene);

  it('tells an observer its cursor once in an interval, which loses nothing', async () => {
    const clients = connect(await startScene({ pingIntervalMs: PING_MS }));
    const stream = clients.tasks.watchResults({ follow: true, start: 1 });
    const messages: { cursor: string; events: unknown[] }[] = [];
    stream.on('error', () => undefined);
    stream.on('data', (message) => messages.push(message));
    await until('five cursors', () => messages.length >= 5);
    assert.equal(new Set(messages.map(({ cursor }) => cursor)).size, 1);
    await enqueue(clients, {});
    const worker = await openWorker(clients);
    await worker.succeed((await worker.receive(1))[0]!);
    await until('the result', () => messages.some(({ events }) => events.length === 1));
    stream.cancel();
  });

  it('tells who watches a task, and a worker that speaks all the time', async () => {
    const clients = connect(await startScene({ pingIntervalMs: PING_MS }));
    const [id] = await enqueue(clients, {});
    const watch = clients.tasks.watchTask({ id: id! });
    let watched = 0;
    watch.on('error', () => undefined);
    watch.on('data', ({ event }) => event.case === undefined && watched++);
    const worker = await openWorker(clients);
    const [task] = await worker.receive(1);
    const answers: SendStatusResponse[] = [];
    worker.statusStream.on('data', (message: SendStatusResponse) => answers.push(message));
    const pings = (): number => worker.messages.filter(({ event }) => event.case === 'ping').length;
    const talk = setInterval(() => worker.send({ progress: [{ ...nameOf(task!), fraction: 0.5 }] }), PING_MS / 4);
    await until('it was told on every stream', () => pings() >= 3 && answers.length >= 2);
    clearInterval(talk);
    await until('who watches was told', () => watched >= 2);
    assert.ok(answers.every(({ outcomes }) => outcomes.length === 0));
    watch.cancel();
  });

  it('sends the headers of a call that waits at once', async () => {
    const clients = connect(await startScene());
    let hasHeaders = false;
    const call = clients.tasks.callTask({ task: { queue: 'q' } }, writeMetadata(), {}, () => undefined);
    call.on('metadata', () => {
      hasHeaders = true;
    });
    await until('headers', () => hasHeaders);
    call.cancel();
  });
});
