import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import {
  AdminService,
  CallTaskRequestSchema,
  GetTaskRequestSchema,
  SendStatusRequestSchema,
  StreamEnqueueRequestSchema,
} from '../../gen/index.ts';
import { newSessionId, newTaskId } from '../../shared/ids.ts';
import { ask, connect, enqueueMany } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { dial, frame, open } from '../scene/http2.ts';
import { measureMemory } from '../scene/memory.ts';
import { openObserver } from '../scene/observer.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { type Named, nameOf, openWorker, type RawWorker } from '../scene/worker.ts';

const COUNT = 8;
const LONG = 'x'.repeat(4 << 20);
const REGISTRATION = { queues: ['q'], agent: LONG, maxInFlight: 1 };
/** A report that is answered at once. */
const STATUS = { succeeded: [{ taskId: newTaskId(), delivery: 1, result: Buffer.alloc(4 << 20) }] };
/** Of each message, with its call, worker and task; one message that is left over does not count as all. */
const MAX_KEPT_BYTES = 1 << 20;

/** Lets `send` happen `COUNT` times and answers what each left in memory. */
async function measureEach(send: (n: number) => Promise<unknown>): Promise<number> {
  // The first of all fills what is filled once: streams, buffers, code.
  await send(0);
  const before = await measureMemory();
  for (let n = 1; n <= COUNT; n += 1) await send(n);
  // Streams are looked after some times in each ping interval.
  const deadline = performance.now() + 5_000;
  for (;;) {
    const each = ((await measureMemory()) - before) / COUNT;
    if (each < MAX_KEPT_BYTES || performance.now() > deadline) return each;
  }
}

/** A worker with so many tasks, whose results somebody observes. */
async function startObserved(count: number): Promise<{ worker: RawWorker; tasks: readonly Named[] }> {
  const clients = connect(await startScene({ pingIntervalMs: 2_000 }));
  const observer = openObserver(clients, { follow: true });
  await until('the observer', () => observer.cursors.length > 0);
  const worker = await openWorker(clients, { maxInFlight: 100 });
  await enqueueMany(clients, count);
  return { worker, tasks: (await worker.receive(count)).map(nameOf) };
}

describe('The beginning of a long text', () => {
  afterEach(closeScene);

  it('is all that is kept of it: the status of a worker', async function () {
    this.timeout(120_000);
    const clients = connect(await startScene({ pingIntervalMs: 2_000 }));
    const bytes = await measureEach(async () => {
      const worker = await openWorker(clients);
      worker.send({ status: LONG });
      const isTold = async (): Promise<boolean> => {
        const { clients: all } = await ask(clients, AdminService.method.listClients, { pageSize: 500 });
        return all.some(({ id, status }) => id === worker.clientId && status.length > 0);
      };
      await until('the status', isTold);
    });
    assert.ok(bytes < MAX_KEPT_BYTES, `${bytes} bytes for each`);
  });

  for (const [field, end] of [
    ['the code of a failure', { error: { code: LONG, message: '' }, retry: 1 }],
    ['the message of a failure', { error: { code: '', message: LONG }, retry: 1 }],
    ['the details of a failure', { error: { code: '', message: '', details: Buffer.from(LONG) }, retry: 1 }],
  ] as const) {
    it(`is all that is kept of it: ${field}, while somebody observes`, async function () {
      this.timeout(120_000);
      const { worker, tasks } = await startObserved(COUNT + 1);
      const bytes = await measureEach(async (n) => {
        await worker.report({ failed: [{ ...tasks[n]!, ...end }] });
      });
      assert.ok(bytes < MAX_KEPT_BYTES, `${bytes} bytes for each`);
    });
  }

  it('is all that is kept of it: the content type of a result, while somebody observes', async function () {
    this.timeout(120_000);
    const { worker, tasks } = await startObserved(COUNT + 1);
    const bytes = await measureEach(async (n) => {
      await worker.report({ succeeded: [{ ...tasks[n]!, contentType: LONG }] });
    });
    assert.ok(bytes < MAX_KEPT_BYTES, `${bytes} bytes for each`);
  });

  it('is not kept with a small payload or result that came in one message with large ones', async function () {
    this.timeout(120_000);
    const { worker, tasks } = await startObserved(2 * COUNT + 2);
    const tooLarge = Buffer.alloc(3 << 20);
    const bytes = await measureEach(async (n) => {
      const [small, large] = [tasks[2 * n]!, tasks[2 * n + 1]!];
      await worker.report({
        succeeded: [
          { ...small, result: Buffer.from('kept') },
          { ...large, result: tooLarge },
        ],
      });
    });
    assert.ok(bytes < MAX_KEPT_BYTES, `${bytes} bytes for each`);
  });
});

describe('A message that was read', () => {
  afterEach(closeScene);

  const task = { queue: 'q', payload: Buffer.alloc(4 << 20) };
  const messages = {
    'contact.v1.ContactService/GetTask': toBinary(GetTaskRequestSchema, create(GetTaskRequestSchema, REGISTRATION)),
    'contact.v1.ContactService/SendStatus': toBinary(SendStatusRequestSchema, create(SendStatusRequestSchema, STATUS)),
    'contact.v1.TaskService/CallTask': toBinary(CallTaskRequestSchema, create(CallTaskRequestSchema, { task })),
    'contact.v1.TaskService/StreamEnqueue': toBinary(
      StreamEnqueueRequestSchema,
      create(StreamEnqueueRequestSchema, { tasks: [task] }),
    ),
  };
  for (const [path, message] of Object.entries(messages)) {
    it(`is not kept by its stream, which stays open: ${path}`, async function () {
      this.timeout(120_000);
      const scene = await startScene({ pingIntervalMs: 2_000, pairingMs: 5_000, maxPayloadBytes: 4 << 20 });
      // By hand: a client of grpc-js keeps for itself what it has sent.
      const session = dial(scene);
      atEnd(() => session.destroy());
      const clients = connect(scene);
      let closed = 0;
      const bytes = await measureEach(async () => {
        const id = newSessionId();
        const stream = open(session, `/${path}`, { 'contact-client': `kept-${id}`, 'contact-session': id });
        stream.once('close', () => {
          closed += 1;
        });
        let answer = 0;
        stream.on('data', (piece: Buffer) => {
          answer += piece.byteLength;
        });
        if (path.endsWith('SendStatus'))
          await openWorker(clients, { clientId: `kept-${id}`, sessionId: id, isFull: false });
        stream.write(frame(message));
        // Of one that waits only the headers come.
        if (path.endsWith('CallTask')) stream.once('response', () => (answer = 100));
        if (path.endsWith('Task')) stream.end();
        await until('its answer', () => answer > (path.endsWith('StreamEnqueue') ? 60 : 40) || closed > 0);
        assert.equal(closed, 0);
      });
      assert.equal(closed, 0);
      assert.ok(bytes < MAX_KEPT_BYTES, `${bytes} bytes for each`);
    });
  }
});
