import assert from 'node:assert/strict';
import type { ServerHttp2Stream } from 'node:http2';
import { PassThrough } from 'node:stream';
import { create } from '@bufbuild/protobuf';
import type { StatusObject } from '@grpc/grpc-js';
import { AdminService, SendStatusRequestSchema, type StreamEnqueueRequest, TaskService } from '../../gen/index.ts';
import { createAwaiting } from '../../server/api/awaited.ts';
import { createProducing, type ProducerOptions } from '../../server/api/producer.ts';
import { weighStatus } from '../../server/api/status.ts';
import { ANONYMOUS } from '../../server/model/caller.ts';
import type { CallEnds } from '../../server/transport/call.ts';
import { noteCaller } from '../../server/transport/callers.ts';
import { createEnqueueStream } from '../../server/transport/producer.ts';
import { newTaskId } from '../../shared/ids.ts';
import { ask, type Clients, connect, enqueue } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { closeOf, openWorker, tell } from '../scene/worker.ts';

/** What a client takes that sets nothing. */
const STOCK = { 'grpc.max_receive_message_length': 4 << 20 };

const { listClients, listQueues } = AdminService.method;
const { listTasks } = TaskService.method;

/** All that the pages of a listing name, and how many pages those were. */
async function walk(
  read: (pageToken: string) => Promise<{ readonly names: string[]; readonly nextPageToken: string }>,
): Promise<{ names: string[]; pages: number }> {
  const names: string[] = [];
  let pages = 0;
  let pageToken = '';
  do {
    const page = await read(pageToken);
    names.push(...page.names);
    pageToken = page.nextPageToken;
    pages += 1;
  } while (pageToken !== '');
  return { names, pages };
}

function walkTasks(clients: Clients, withPayload: boolean): Promise<{ names: string[]; pages: number }> {
  return walk(async (pageToken) => {
    const { tasks, nextPageToken } = await ask(clients, listTasks, { pageToken, pageSize: 500, withPayload });
    return { names: tasks.map(({ id }) => id), nextPageToken };
  });
}

describe('A page', () => {
  afterEach(closeScene);

  it('of clients with many queues ends where its bytes do, and a stock client reads them all', async () => {
    const scene = await startScene({ pingIntervalMs: 20_000 });
    const queues = Array.from({ length: 1_000 }, (_, n) => `${n}-`.padEnd(128, 'x'));
    const crew = connect(scene);
    for (let n = 0; n < 36; n += 1) await openWorker(crew, { queues });
    const clients = connect(scene, STOCK);
    const { names, pages } = await walk(async (pageToken) => {
      const page = await ask(clients, listClients, { pageToken, pageSize: 500, connectedOnly: true });
      return { names: page.clients.map(({ id }) => id), nextPageToken: page.nextPageToken };
    });
    assert.equal(names.length, 36);
    assert.equal(new Set(names).size, 36);
    assert.ok(pages > 4 && pages < 10);
  });

  it('of tasks ends where its bytes do, and a larger one goes alone', async () => {
    const scene = await startScene({ maxPayloadBytes: 2 << 20 });
    const clients = connect(scene, STOCK);
    const small = { payload: Buffer.alloc(300_000) };
    const ids = [
      ...(await enqueue(clients, small, small, small, small)),
      ...(await enqueue(clients, { payload: Buffer.alloc(2 << 20) })),
      ...(await enqueue(clients, small)),
    ];
    // Newest first: one, the large one, three, one, and the empty page that is the last.
    assert.deepEqual(await walkTasks(clients, true), { names: ids.toReversed(), pages: 5 });
    assert.deepEqual((await walkTasks(clients, false)).names, ids.toReversed());
  });

  it('of tasks counts what is not payload', async () => {
    const clients = connect(await startScene(), STOCK);
    const metadata = { note: 'x'.repeat(16_000) };
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      ids.push(...(await enqueue(clients, ...Array.from({ length: 100 }, () => ({ metadata })))));
    }
    const { names, pages } = await walkTasks(clients, false);
    assert.deepEqual(names, ids.toReversed());
    assert.ok(pages > 4);
  });

  it('of queues is whole while it is small', async () => {
    const clients = connect(await startScene());
    await enqueue(clients, { queue: 'a' }, { queue: 'b' }, { queue: 'c' });
    const { names, pages } = await walk(async (pageToken) => {
      const page = await ask(clients, listQueues, { pageToken, pageSize: 2 });
      return { names: page.queues.map(({ name }) => name), nextPageToken: page.nextPageToken };
    });
    assert.deepEqual({ names, pages }, { names: ['a', 'b', 'c'], pages: 2 });
  });
});

describe('The window of StreamEnqueue', () => {
  it('counts metadata', () => {
    const stream = {} as ServerHttp2Stream;
    noteCaller(stream, ANONYMOUS);
    const call = Object.assign(new PassThrough({ objectMode: true }), { getPeer: () => '', call: { stream } });
    const ends = { open: () => undefined, outflow: () => ({ write: () => true }) } as unknown as CallEnds;
    const openProducing = createProducing({
      agreement: {},
      enqueue: () => new Promise(() => undefined),
      openAwaited: createAwaiting({ onSettled: () => () => undefined }, { describeTask: async () => undefined }),
    } as unknown as ProducerOptions);
    createEnqueueStream(openProducing, ends).streamEnqueue(call as never);
    const task = { payload: Buffer.alloc(0), contentType: '', idempotencyKey: '', target: { case: undefined } };
    const tasks = Array.from({ length: 300 }, () => ({ ...task, metadata: { note: 'x'.repeat(16_000) } }));
    const request = { tasks, abandoned: [] } as unknown as StreamEnqueueRequest;
    call.emit('data', request);
    assert.equal(call.isPaused(), false);
    call.emit('data', request);
    assert.equal(call.isPaused(), true);
  });
});

describe('What a worker sends up', () => {
  afterEach(closeScene);

  it('weighs all that has no fixed length', () => {
    const empty = create(SendStatusRequestSchema, {});
    assert.equal(weighStatus(empty), 0);
    const long = 'x'.repeat(1_000);
    for (const part of [
      { succeeded: [{ contentType: long }] },
      { failed: [{ error: { message: long } }] },
      { failed: [{ error: { code: long } }] },
      { progress: [{ message: long }] },
      { checkpoints: [{ data: Buffer.from(long) }] },
      { status: long },
    ]) {
      assert.equal(weighStatus(create(SendStatusRequestSchema, part)), 1_000);
    }
  });

  it('is answered in a message that a stock client takes: TellResult', async () => {
    // Only what the answer weighs matters: nobody is to be taken for dead while this process is at work.
    const clients = connect(await startScene({ pingIntervalMs: 20_000 }), STOCK);
    const taskId = newTaskId();
    const released = Array.from({ length: 1_000 }, (_, n) => ({ taskId, delivery: 2 ** 32 - 1 - n }));
    const many = Array.from({ length: 50 }, () => ({ released }));
    assert.equal((await tell(clients, 'teller', ...many)).length, 50_000);
    const more = tell(clients, 'teller', ...many, { released: released.slice(0, 1) });
    const refused = more.then(
      () => assert.fail('it was taken'),
      (error: unknown) => error as StatusObject,
    );
    assert.match((await refused).details, /^request: at most 50000/);
    assert.equal(closeOf(await refused), 'RESOURCE_EXHAUSTED never');
  }).timeout(120_000);
});
