import assert from 'node:assert/strict';
import { type ServiceError, status } from '@grpc/grpc-js';
import { type StreamEnqueueResponse, TaskState } from '../../gen/index.ts';
import { connect, describeTask, enqueue, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { lockStore } from '../scene/lock.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { nameOf, openWorker, tell } from '../scene/worker.ts';

describe('a store that cannot', () => {
  afterEach(closeScene);

  it('take results has them sent again later, and holds what they are for', async () => {
    const scene = await startScene({ isDurable: true });
    const clients = connect(scene);
    const ids = await enqueueMany(clients, 4);
    const worker = await openWorker(clients, { clientId: 'w', maxInFlight: 2 });
    const [first, second] = await worker.receive(2);
    const unlock = lockStore(scene.storeFile);
    assert.deepEqual(await worker.succeed(first!), ['RETRY_LATER']);
    assert.ok(worker.outcomes[0]!.afterMs > 0);
    assert.deepEqual(await worker.report({ released: [nameOf(second!)] }), ['RETRY_LATER']);
    assert.deepEqual(await tell(clients, 'w', { succeeded: [nameOf(first!)] }), ['RETRY_LATER']);
    assert.equal((await describeTask(clients, ids[0]!)).state, TaskState.RUNNING);
    assert.equal(worker.tasks.length, 2);
    unlock();
    assert.deepEqual(await worker.succeed(first!, second!), ['STORED', 'STORED']);
    await worker.receive(4);
  });

  it('take tasks says so, and when to come again', async () => {
    const scene = await startScene({ isDurable: true });
    const clients = connect(scene);
    await enqueue(clients, {});
    const answers: StreamEnqueueResponse['event'][] = [];
    const stream = clients.tasks.streamEnqueue();
    stream.on('error', () => undefined).on('data', ({ event }: StreamEnqueueResponse) => answers.push(event));
    const unlock = lockStore(scene.storeFile);
    await assert.rejects(enqueue(clients, {}), ({ code, metadata }: ServiceError) => {
      assert.equal(code, status.UNAVAILABLE);
      assert.ok(Number(metadata.get('contact-retry-after-ms')[0]) > 0);
      return true;
    });
    stream.write({ tasks: [{ queue: 'q' }] });
    await until('the refusal', () => answers.length === 2);
    assert.ok(answers[1]!.case === 'refused' && answers[1]!.value.retryAfterMs > 0);
    unlock();
    stream.write({ tasks: [{ queue: 'q' }] });
    await until('the acknowledgement', () => answers.length === 3);
    assert.equal(answers[2]!.case, 'stored');
    stream.cancel();
  });

  it('claim tries again by itself', async () => {
    const scene = await startScene({ isDurable: true });
    const clients = connect(scene);
    await enqueueMany(clients, 20);
    const worker = await openWorker(clients, { maxInFlight: 1 });
    await worker.receive(1);
    const unlock = lockStore(scene.storeFile);
    worker.send({ credit: 20 });
    assert.deepEqual(await worker.succeed(worker.tasks[0]!), ['RETRY_LATER']);
    unlock();
    await worker.receive(20);
  });

  it('end a lost session tries again by itself', async () => {
    const scene = await startScene({ isDurable: true, resumeWindowMs: 20 });
    const clients = connect(scene);
    await enqueueMany(clients, 1);
    const worker = await openWorker(clients);
    await worker.receive(1);
    const other = await openWorker(clients);
    const unlock = lockStore(scene.storeFile);
    await worker.cancel();
    assert.deepEqual(await tell(clients, worker.clientId, { succeeded: [nameOf(worker.tasks[0]!)] }), ['RETRY_LATER']);
    unlock();
    await other.receive(1);
  });

  it('keep enough disk free takes results and no tasks', async () => {
    const scene = await startScene({ isDurable: true, resumeWindowMs: 5_000 });
    const clients = connect(scene);
    await enqueueMany(clients, 1);
    const before = await openWorker(clients, { clientId: 'w' });
    const [task] = await before.receive(1);
    await scene.restart({ minFreeBytes: Number.MAX_SAFE_INTEGER });
    const fresh = connect(scene);
    await assert.rejects(enqueue(fresh, {}), ({ code, metadata }: ServiceError) => {
      assert.equal(code, status.RESOURCE_EXHAUSTED);
      assert.ok(Number(metadata.get('contact-retry-after-ms')[0]) > 0);
      return true;
    });
    const resume = { previousSession: before.sessionId, holding: [nameOf(task!)] };
    const after = await openWorker(fresh, { clientId: 'w', resume });
    assert.deepEqual(await after.succeed(task!), ['STORED']);
  });
});
