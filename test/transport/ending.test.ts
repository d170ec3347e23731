import assert from 'node:assert/strict';
import type { ClientHttp2Stream } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { Metadata, status } from '@grpc/grpc-js';
import {
  ContactService,
  EnqueueTasksRequestSchema,
  SendStatusRequestSchema,
  TaskService,
  TaskState,
  TellResultRequestSchema,
} from '../../gen/index.ts';
import { methodPath } from '../../shared/grpc.ts';
import { newSessionId, newTaskId } from '../../shared/ids.ts';
import { type Clients, connect, describeTask, enqueueMany } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { dial, frame, open, readEnd } from '../scene/http2.ts';
import { type Scene, startScene } from '../scene/server.ts';
import { closeOf, nameOf, openWorker, type RawWorker, statusOf, tell, writeIdentity } from '../scene/worker.ts';

const { tellResult, sendStatus } = ContactService.method;
const TOO_LONG = /^request: a message of \d+ bytes, at most \d+ are taken$/;

let scene: Scene;
let clients: Clients;

function openByHand(path: string, headers: Readonly<Record<string, string>> = {}): ClientHttp2Stream {
  const session = dial(scene);
  atEnd(() => session.destroy());
  return open(session, path, headers);
}

/** A session whose SendStatus is written by hand. */
async function openHalfByHand(clientId: string): Promise<{ worker: RawWorker; up: ClientHttp2Stream }> {
  const sessionId = newSessionId();
  const up = openByHand(methodPath(sendStatus), { 'contact-client': clientId, 'contact-session': sessionId });
  up.write(frame(toBinary(SendStatusRequestSchema, create(SendStatusRequestSchema, {}))));
  const worker = await openWorker(clients, { clientId, sessionId, isFull: false, maxInFlight: 20 });
  // More than a plain session is given: its SendStatus is there.
  assert.equal(worker.registered.maxInFlight, 20);
  return { worker, up };
}

describe('a session that grpc-js or the look at open calls ends', () => {
  afterEach(closeScene);

  it('is told on both streams that a message is larger than any may be, and never to say that again', async () => {
    clients = connect(await startScene());
    const worker = await openWorker(clients);
    const { maxMessageBytes } = worker.registered.limits!;
    worker.send({ succeeded: [{ taskId: newTaskId(), delivery: 1, result: Buffer.alloc(maxMessageBytes) }] });
    for (const end of await Promise.all([worker.statusEnded, worker.ended])) {
      assert.deepEqual([end.code, closeOf(end)], [status.RESOURCE_EXHAUSTED, 'RESOURCE_EXHAUSTED never']);
      assert.match(end.details, TOO_LONG);
      assert.deepEqual(end.metadata.get('contact-field'), ['request']);
    }
  });

  it('is told on both streams that a message did not become whole in time', async () => {
    scene = await startScene({ pingIntervalMs: 60, slowLineBytesPerSecond: 4_000_000, stuckSocketMs: 100 });
    clients = connect(scene);
    const { worker, up } = await openHalfByHand('slow');
    up.write(frame(Buffer.alloc(0), false, 10_000));
    // Each piece is a sign of life of the session, so that the message is late and nothing else.
    const trickle = setInterval(() => up.write(Buffer.alloc(1)), 10);
    atEnd(() => clearInterval(trickle));
    const [said, end] = await Promise.all([readEnd(up), worker.ended]);
    assert.deepEqual([said.code, end.code, closeOf(end)], [status.UNAVAILABLE, status.UNAVAILABLE, 'SILENT backoff']);
    assert.equal(end.details, said.message.replaceAll('%20', ' '));
  });

  it('is told on both streams that the deadline of one has passed', async () => {
    scene = await startScene();
    clients = connect(scene);
    const metadata = writeIdentity('late', newSessionId());
    const up = clients.contact.sendStatus(metadata);
    const upEnded = statusOf(up);
    up.on('data', () => undefined);
    up.write({});
    // The client sees to its deadline by itself and cancels; a server that keeps it is asked by its header.
    const deadline = new Metadata();
    deadline.merge(metadata);
    deadline.set('grpc-timeout', '300m');
    const down = clients.contact.getTask({ queues: ['q'] }, deadline);
    down.on('data', () => undefined);
    for (const end of await Promise.all([upEnded, statusOf(down)])) {
      assert.deepEqual([end.code, closeOf(end)], [status.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED backoff']);
    }
  });

  it('is told on both streams that SendStatus ended inside a message', async () => {
    scene = await startScene();
    clients = connect(scene);
    const { worker, up } = await openHalfByHand('cut');
    up.end(frame(Buffer.alloc(10), false, 100));
    const [said, end] = await Promise.all([readEnd(up), worker.ended]);
    assert.deepEqual([said.code, end.code, closeOf(end)], [status.INTERNAL, status.INTERNAL, 'INTERNAL backoff']);
  });

  it('is told that its other stream was closed when its client resets that inside a message', async () => {
    scene = await startScene();
    clients = connect(scene);
    const { worker, up } = await openHalfByHand('reset');
    up.write(frame(Buffer.alloc(10), false, 100), () => up.destroy(new Error('gone')));
    const end = await worker.ended;
    assert.deepEqual([end.code, closeOf(end)], [status.UNAVAILABLE, 'DISCONNECTED now']);
  });
});

describe('a request that ends inside a message', () => {
  afterEach(closeScene);

  const bytes = (length: number): Buffer => frame(Buffer.alloc(4), false, length);

  it('is INTERNAL, for every kind of call and wherever it is cut, and nothing of it is done', async () => {
    scene = await startScene();
    clients = connect(scene);
    const { enqueueTasks, streamEnqueue, watchResults, listTasks } = TaskService.method;
    for (const method of [tellResult, enqueueTasks, streamEnqueue, watchResults, listTasks]) {
      for (const cut of [bytes(9), Buffer.alloc(3)]) {
        const stream = openByHand(methodPath(method));
        stream.end(cut);
        const { code, message } = await readEnd(stream);
        assert.deepEqual([method.name, code], [method.name, status.INTERNAL]);
        assert.equal(message, 'the%20request%20ended%20before%20its%20message%20was%20whole');
      }
    }
    const task = { id: newTaskId(), queue: 'q' };
    const whole = frame(toBinary(EnqueueTasksRequestSchema, create(EnqueueTasksRequestSchema, { tasks: [task] })));
    const stream = openByHand(methodPath(enqueueTasks));
    stream.end(Buffer.concat([whole, bytes(9)]));
    assert.equal((await readEnd(stream)).code, status.INTERNAL);
    await assert.rejects(describeTask(clients, task.id), { code: status.NOT_FOUND });
  });

  it('stores no result of TellResult, which is stored when it comes again', async () => {
    scene = await startScene();
    clients = connect(scene);
    const [id] = await enqueueMany(clients, 1);
    const worker = await openWorker(clients, { clientId: 'w', isFull: false });
    const [task] = await worker.receive(1);
    const told = create(TellResultRequestSchema, { succeeded: [{ ...nameOf(task!), result: Buffer.alloc(100) }] });
    const stream = openByHand(methodPath(tellResult), { 'contact-client': 'w' });
    stream.end(frame(toBinary(TellResultRequestSchema, told)).subarray(0, 60));
    assert.equal((await readEnd(stream)).code, status.INTERNAL);
    assert.equal((await describeTask(clients, id!)).state, TaskState.RUNNING);
    assert.deepEqual(await tell(clients, 'w', { succeeded: [nameOf(task!)] }), ['STORED']);
  });
});
