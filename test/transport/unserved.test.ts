import assert from 'node:assert/strict';
import { createProducer } from '../../client/index.ts';
import { AdminService, Role, type StreamEnqueueResponse, TaskService } from '../../gen/index.ts';
import { ALL, startGuarded } from '../scene/access.ts';
import { ask, type Clients, connect, enqueue, type TaskInit } from '../scene/clients.ts';
import { closeScene, use } from '../scene/end.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

const { enqueueTasks } = TaskService.method;

/** What the answer to a batch tells of queues, as `queue: names like it`. */
async function unservedOf(clients: Clients, ...tasks: TaskInit[]): Promise<string[]> {
  const { unserved } = await ask(clients, enqueueTasks, { tasks });
  return unserved.map(({ queue, similar }) => `${queue}: ${similar.join(' ')}`);
}

/** Enqueues into each of these queues in a batch of its own on one stream; what each answer tells. */
async function unservedOnStream(clients: Clients, ...queues: string[]): Promise<string[][]> {
  const stream = clients.tasks.streamEnqueue();
  const told: string[][] = [];
  stream.on('data', ({ event }: StreamEnqueueResponse) => {
    if (event.case === 'stored') told.push(event.value.unserved.map(({ queue }) => queue));
  });
  for (const queue of queues) stream.write({ tasks: [{ queue }] } as never);
  stream.end();
  await until('each batch is answered', () => told.length === queues.length);
  return told;
}

describe('A queue that nobody serves', () => {
  afterEach(closeScene);

  it('is told to who enqueues into it, with names like it of queues that are served', async () => {
    const clients = connect(await startScene());
    await openWorker(clients, { queues: ['mails', 'mail-archive', 'reports'] });
    assert.deepEqual(await unservedOf(clients, { queue: 'mial' }, { queue: 'mails' }, { queue: 'else' }), [
      'mial: mails',
      'else: ',
    ]);
    // And again, since nobody has served it meanwhile.
    assert.deepEqual(await unservedOf(clients, { queue: 'mial' }), ['mial: mails']);
  });

  it('is not told once a client has done a task of it, and its name is one that may have been meant', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { queues: ['mails'] });
    await enqueue(clients, { queue: 'mails' });
    const [task] = await worker.receive(1);
    await worker.succeed(task!);
    await worker.cancel();
    const { listQueues } = AdminService.method;
    await until('nobody serves it', async () => (await ask(clients, listQueues, {})).queues[0]!.workers === 0);
    assert.deepEqual(await unservedOf(clients, { queue: 'mails' }, { queue: 'mail' }), ['mail: mails']);
  });

  it('is not told where an operator has set something of it', async () => {
    const clients = connect(await startScene());
    await ask(clients, AdminService.method.pauseQueue, { queue: 'mails', create: true });
    assert.deepEqual(await unservedOf(clients, { queue: 'mails' }, { queue: 'mailz' }), ['mailz: mails']);
  });

  it('is told once on a stream, and at most ten of a batch', async () => {
    const clients = connect(await startScene());
    await openWorker(clients, { queues: ['served'] });
    assert.deepEqual(await unservedOnStream(clients, 'a', 'served', 'a', 'b', 'a'), [['a'], [], [], ['b'], []]);
    const many = Array.from({ length: 12 }, (_, n) => ({ queue: `many-${n}` }));
    assert.equal((await unservedOf(clients, ...many)).length, 10);
  });

  it('names no queue that the caller may not enqueue into', async () => {
    const scene = await startGuarded();
    const operator = connect(scene, {}, scene.operator);
    await openWorker(operator, { queues: ['team/mails', 'tea/mails'] });
    const { text } = await scene.access.token({ ...ALL, roles: [Role.PRODUCER], queues: ['team/*'] });
    const producer = connect(scene, {}, text);
    assert.deepEqual(await unservedOf(operator, { queue: 'team/mailz' }), ['team/mailz: team/mails tea/mails']);
    assert.deepEqual(await unservedOf(producer, { queue: 'team/mailz' }), ['team/mailz: team/mails']);
  });

  it('is warned of by a producer, once for all of its streams', async () => {
    const scene = await startScene();
    await openWorker(connect(scene), { queues: ['mails'] });
    const warnings: string[] = [];
    const logger = { info: () => undefined, warn: (line: string) => void warnings.push(line) };
    const producer = use(createProducer({ ...connectTo(scene.address), logger }));
    const warned = (): string[] => warnings.filter((line) => line.includes('queue'));
    await producer.enqueue('mial', 1);
    await producer.enqueue('mails', 1);
    assert.deepEqual(warned(), ['no client serves queue mial, and none has done a task of it; did you mean mails?']);
    await scene.restart();
    await producer.enqueue('mial', 1);
    assert.equal(warned().length, 1);
    // A call waits for somebody who will not come.
    await assert.rejects(producer.call('cals', 1, { deadlineMs: 200 }));
    assert.deepEqual(warned().slice(1), ['no client serves queue cals, and none has done a task of it']);
  });
});
