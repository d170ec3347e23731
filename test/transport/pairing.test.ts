import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { type SendStatusResponse, TaskState } from '../../gen/index.ts';
import { newSessionId } from '../../shared/ids.ts';
import { connect, describeTask, enqueue, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';
import { nameOf, openWorker, statusOf, writeIdentity } from '../scene/worker.ts';

describe('SendStatus', () => {
  afterEach(closeScene);

  it('may come before its GetTask, and what it said first counts', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 5);
    const sessionId = newSessionId();
    const early = clients.contact.sendStatus(writeIdentity('w', sessionId));
    early.write({ credit: 2 });
    early.on('error', () => undefined);
    const worker = await openWorker(clients, { clientId: 'w', sessionId, isFull: false, maxInFlight: 50 });
    assert.equal(worker.registered.maxInFlight, 50);
    await worker.receive(2);
    early.cancel();
  });

  it('may come after its GetTask, which is plain until then', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 30);
    const sessionId = newSessionId();
    const worker = await openWorker(clients, { clientId: 'w', sessionId, isFull: false, maxInFlight: 25 });
    assert.equal(worker.registered.maxInFlight, 10);
    await worker.receive(10);
    await never('more than a plain session may have', () => worker.tasks.length > 10, 30);
    const late = clients.contact.sendStatus(writeIdentity('w', sessionId));
    late.on('error', () => undefined);
    const outcomes: SendStatusResponse[] = [];
    late.on('data', (response: SendStatusResponse) => outcomes.push(response));
    late.write({ receipt: 1 });
    await worker.receive(25);
    late.write({ succeeded: [{ ...nameOf(worker.tasks[0]!), result: Buffer.from('x') }] });
    await until('its outcome', () => outcomes.length === 1);
    await until('a ping', () => worker.messages.at(-1)!.event.case === 'ping');
    late.cancel();
  });

  it('that comes after the first tasks were pushed leaves them as not begun', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 50 }));
    const [timed, lost] = await enqueue(clients, { timeoutMs: 150 }, {});
    const sessionId = newSessionId();
    const worker = await openWorker(clients, { clientId: 'w', sessionId, isFull: false });
    const [task] = await worker.receive(2);
    const late = clients.contact.sendStatus(writeIdentity('w', sessionId));
    late.on('error', () => undefined);
    late.on('data', () => undefined);
    late.write({ credit: 0 });
    await never('a timeout of what has not begun', () => worker.cancels.length > 0, 250);
    late.write({ started: [nameOf(task!)] });
    await until('the cancel', () => worker.cancels.length > 0);
    assert.equal((await describeTask(clients, timed!)).attempt, 1);
    late.cancel();
    await worker.ended;
    await until('it is lost', async () => (await describeTask(clients, lost!)).state === TaskState.READY);
    const { attempt, lost: losses } = await describeTask(clients, lost!);
    assert.deepEqual([attempt, losses], [0, 0]);
  });

  it('is refused when its GetTask does not come', async () => {
    const clients = connect(await startScene({ pairingMs: 60 }));
    const since = performance.now();
    const stream = clients.contact.sendStatus(writeIdentity('w', newSessionId()));
    stream.write({ receipt: 1 });
    const end = await statusOf(stream.on('data', () => undefined));
    assert.equal(end.code, status.FAILED_PRECONDITION);
    assert.match(end.details, /contact-session/);
    assert.ok(performance.now() - since >= 55);
  });

  it('comes once for a session', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { clientId: 'w' });
    const second = clients.contact.sendStatus(writeIdentity('w', worker.sessionId));
    assert.equal((await statusOf(second.on('data', () => undefined))).code, status.ALREADY_EXISTS);
    await enqueueMany(clients, 1);
    assert.deepEqual(await worker.succeed((await worker.receive(1))[0]!), ['STORED']);
  });

  it('comes once for a session that is yet to come', async () => {
    const clients = connect(await startScene());
    const metadata = writeIdentity('w', newSessionId());
    const streams = [clients.contact.sendStatus(metadata), clients.contact.sendStatus(metadata)];
    const ends = streams.map((stream) => {
      stream.write({ receipt: 1 });
      return statusOf(stream.on('data', () => undefined));
    });
    assert.deepEqual(
      (await Promise.all(ends)).map(({ code }) => code).sort(),
      [status.ALREADY_EXISTS, status.FAILED_PRECONDITION].sort(),
    );
  });

  it('that waited in vain leaves nothing behind', async () => {
    const clients = connect(await startScene({ pairingMs: 60 }));
    const sessionId = newSessionId();
    const stream = clients.contact.sendStatus(writeIdentity('w', sessionId));
    stream.write({ receipt: 1 });
    await statusOf(stream.on('data', () => undefined));
    const worker = await openWorker(clients, { clientId: 'w', sessionId });
    await enqueueMany(clients, 1);
    await worker.receive(1);
  });

  it('that left before its GetTask does not count', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const sessionId = newSessionId();
    const gone = clients.contact.sendStatus(writeIdentity('w', sessionId));
    gone.write({ receipt: 1 });
    const ended = statusOf(gone.on('data', () => undefined));
    gone.cancel();
    await ended;
    const worker = await openWorker(connect(scene), { clientId: 'w', sessionId });
    await enqueueMany(clients, 1);
    await worker.receive(1);
  });

  it('needs the id of a session', async () => {
    const clients = connect(await startScene());
    for (const id of [undefined, 'short', 'G'.repeat(32)]) {
      const stream = clients.contact.sendStatus(writeIdentity('w', id));
      const end = await statusOf(stream.on('data', () => undefined));
      assert.equal(end.code, status.INVALID_ARGUMENT);
      assert.match(end.details, /^contact-session: /);
    }
  });
});
