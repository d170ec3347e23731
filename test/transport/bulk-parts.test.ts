import assert from 'node:assert/strict';
import { createAdmin, type FoundTasks } from '../../client/index.ts';
import { TaskService } from '../../gen/index.ts';
import { ask, connect, enqueue, enqueueMany, refusalOf } from '../scene/clients.ts';
import { closeScene, use } from '../scene/end.ts';
import { connectTo, startScene } from '../scene/server.ts';

describe('a bulk act in parts', () => {
  afterEach(closeScene);

  it('does it to so many, the newest first, says where to go on, and meets nothing that comes meanwhile', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const admin = use(createAdmin(connectTo(scene.address)));
    const ids = await enqueueMany(clients, 5);
    const filter = { queues: ['q'] };
    const first = await admin.cancelTasks({ filter, max: 2 });
    assert.deepEqual([first.total, first.tasks.map(({ id }) => id)], [2, ids.slice(3).toReversed()]);
    const [late] = await enqueue(clients, {});
    const next = await admin.cancelTasks({ filter, max: 2, pageToken: first.nextPageToken });
    const last = await admin.cancelTasks({ filter, max: 2, pageToken: next.nextPageToken });
    assert.deepEqual([next.total, last.total, last.nextPageToken], [2, 1, '']);
    assert.equal((await admin.countTasks(filter)).ready, 1);
    const deleted: string[] = [];
    let pageToken = '';
    do {
      const part: FoundTasks = { filter, max: 4, ...(pageToken && { pageToken }) };
      const answer = await admin.deleteTasks(part);
      deleted.push(...answer.ids);
      pageToken = answer.nextPageToken;
    } while (pageToken !== '');
    assert.deepEqual(deleted.toSorted(), ids.toSorted());
    const { tasks } = await admin.listTasks(filter);
    assert.deepEqual(
      tasks.map(({ id }) => id),
      [late],
    );
  });

  it('refuses a part of what is named, and a place that is none', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const [id] = await enqueue(clients, {});
    for (const method of ['cancelTasks', 'retryTasks', 'deleteTasks'] as const) {
      const call = (request: object) =>
        refusalOf(ask(clients, TaskService.method[method] as typeof TaskService.method.cancelTasks, request));
      assert.match(await call({ ids: [id!], max: 1 }), /^INVALID_ARGUMENT max: not together with ids/);
      const filter = { queues: ['q'] };
      assert.match(await call({ filter, max: 1, pageToken: 'x' }), /^INVALID_ARGUMENT page_token: /);
    }
    const admin = use(createAdmin(connectTo(scene.address)));
    await assert.rejects(admin.cancelTasks({ filter: { queues: ['q'] }, max: 0 }), {
      code: 'INVALID_ARGUMENT',
      message: /^max: /,
    });
  });
});
