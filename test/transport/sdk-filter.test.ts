import assert from 'node:assert/strict';
import { createAdmin, createObserver, createProducer, type TaskQuery } from '../../client/index.ts';
import { closeScene, use } from '../scene/end.ts';
import { connectTo, startDurable } from '../scene/server.ts';
import { startStub } from './sdk-stub.ts';

describe('a filter of results()', () => {
  afterEach(closeScene);

  it('tells the results that meet a filter alone', async () => {
    const server = await startDurable();
    const producer = use(createProducer(connectTo(server.address)));
    const admin = use(createAdmin(connectTo(server.address)));
    const add = async (order: string) => (await producer.enqueue('q', order, { metadata: { order } })).id;
    const ids = [await add('7'), await add('8'), await add('7')];
    await admin.cancelTasks({ ids });
    const observer = use(createObserver(connectTo(server.address)));
    const find = async (filter: TaskQuery) => {
      const found: string[] = [];
      for await (const { taskId } of observer.results({ from: 'beginning', follow: false, filter })) found.push(taskId);
      return found;
    };
    assert.deepEqual(await find({ metadata: { order: '7' } }), [ids[0], ids[2]]);
    assert.deepEqual(await find({ metadata: { order: '8' }, errorCodes: ['CANCELLED'] }), [ids[1]]);
    for (const none of [{ errorCodes: ['X'] }, { settledBefore: new Date(0) }, { runningForMs: 1 }])
      assert.deepEqual(await find(none), []);
  });

  it('is not told by a server of before what does not meet its filter', async () => {
    // It passes over a filter that it does not know.
    const event = (taskId: string, metadata: Record<string, string>) => ({
      cursor: taskId,
      taskId,
      queue: 'q',
      metadata,
    });
    const stub = await startStub({
      onWatch: (_, call) => {
        call.write({ cursor: 'b', events: [event('a', { order: '7' }), event('b', { order: '8' })] });
        call.end();
      },
    });
    const observer = use(createObserver(connectTo(stub.address)));
    const found: string[] = [];
    const filter = { metadata: { order: '8' } };
    for await (const { taskId } of observer.results({ from: 'beginning', follow: false, filter })) found.push(taskId);
    assert.deepEqual(found, ['b']);
  });
});
