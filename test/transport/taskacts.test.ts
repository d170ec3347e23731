import assert from 'node:assert/strict';
import { credentials } from '@grpc/grpc-js';
import {
  AdminService,
  type DescribeTaskResponse,
  type EnqueueTasksResponse,
  Role,
  TaskActKind,
  TaskService,
} from '../../gen/index.ts';
import { createClient } from '../../shared/grpc.ts';
import { newTaskId } from '../../shared/ids.ts';
import { askAs, startGuarded } from '../scene/access.ts';
import { ask, connect, describeTask } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

describe('what somebody did to a task', () => {
  afterEach(closeScene);

  it('is told to who may see the task, and who it was to operators and to themselves', async () => {
    const { address, operator, access } = await startGuarded();
    const tasks = createClient(TaskService, address, credentials.createInsecure(), {});
    atEnd(() => tasks.close());
    const web = await access.token({ roles: [Role.PRODUCER] }, { name: 'web' });
    const app = await access.token({ roles: [Role.PRODUCER] }, { name: 'app' });
    const eyes = await access.token({ roles: [Role.OBSERVER] }, { name: 'eyes' });
    const sent = await askAs<EnqueueTasksResponse>(web.text, tasks, 'enqueueTasks', {
      tasks: [
        { id: newTaskId(), queue: 'q' },
        { id: newTaskId(), queue: 'q' },
      ],
    });
    const [one, other] = sent.tasks.map(({ id }) => id);
    await askAs(web.text, tasks, 'cancelTasks', { ids: [one], reason: 'not needed' });
    await askAs(operator, tasks, 'cancelTasks', { filter: { queues: ['q'] }, reason: 'all' });
    const actsOf = async (token: string, id: string | undefined) => {
      const { task } = await askAs<DescribeTaskResponse>(token, tasks, 'describeTask', { id });
      return task!.acts.map(({ kind, by, reason }) => [kind, by, reason]);
    };
    const cancelled = (by: string, reason: string) => [[TaskActKind.CANCELLED, by, reason]];
    assert.deepEqual(await actsOf(operator, one), cancelled('token:web', 'not needed'));
    assert.deepEqual(await actsOf(web.text, one), cancelled('token:web', 'not needed'));
    assert.deepEqual(await actsOf(app.text, one), cancelled('', 'not needed'));
    assert.deepEqual(await actsOf(eyes.text, one), cancelled('', 'not needed'));
    assert.deepEqual(await actsOf(operator, other), cancelled('operator', 'all'));
    assert.deepEqual(await actsOf(web.text, other), cancelled('', 'all'));
  });

  it('has whoever left a call that nobody waited for any more, and the purge of a queue', async () => {
    const clients = connect(await startScene());
    const [left, purged] = [newTaskId(), newTaskId()];
    const call = clients.tasks.callTask({ task: { id: left, queue: 'q' }, cancelWhenAbandoned: true }, () => undefined);
    await until('the task', () =>
      describeTask(clients, left).then(
        () => true,
        () => undefined,
      ),
    );
    call.cancel();
    const act = await until('the act', async () => (await describeTask(clients, left)).acts[0]);
    assert.deepEqual([act.kind, act.by, act.reason], [TaskActKind.CANCELLED, 'anonymous', 'ABANDONED']);
    // Nobody ordered that.
    assert.deepEqual((await ask(clients, AdminService.method.listActs, {})).acts, []);
    await ask(clients, TaskService.method.enqueueTasks, { tasks: [{ id: purged, queue: 'p' }] });
    const before = Date.now();
    await new Promise((resolve) => clients.admin.purgeQueue({ queue: 'p' }, resolve));
    const { acts, settledAt } = await describeTask(clients, purged);
    assert.deepEqual(
      acts.map(({ by, reason, at }) => [by, reason, at]),
      [['anonymous', 'the queue was purged', settledAt]],
    );
    assert.ok(Number(acts[0]!.at!.seconds) >= Math.floor(before / 1_000) - 1);
  });
});
