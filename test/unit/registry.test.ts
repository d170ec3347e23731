import assert from 'node:assert/strict';
import type { TaskInput } from '../../server/model/task.ts';
import { openStore } from '../../server/store/open.ts';
import { shareStore } from '../model/nodes.ts';
import { createModelStore } from '../model/store.ts';
import { type Accounts, createAccounts } from '../property/accounts.ts';
import type { Opening, Workers } from '../property/line.ts';
import { type BareServer, createBareServer } from '../property/server.ts';
import { createWorkers } from '../property/workers.ts';
import { createTask } from '../scene/tasks.ts';

const FULL: Opening = {
  ...{ kind: 'fresh', credit: 1, queues: ['q'] },
  ...{ isFull: true, isStatusFirst: true, isResumable: true },
};

describe('createRegistry()', () => {
  let server: BareServer;
  let accounts: Accounts;
  let workers: Workers;

  async function start(open = () => openStore('memory:', { node: 'n' })): Promise<void> {
    server = await createBareServer(open, () => 0);
    accounts = createAccounts();
    workers = createWorkers(server, accounts);
  }

  afterEach(() => server.close());

  async function rest(): Promise<void> {
    await server.rest();
    workers.attend();
    await server.rest();
    assert.deepEqual([accounts.complaints, server.faults], [[], []]);
  }

  async function enqueue(with_: Partial<TaskInput> = {}): Promise<string> {
    const task = createTask(with_);
    await server.queue.enqueue([task]);
    await rest();
    return task.id;
  }

  it('takes back the credit of a result that the store refused, although its session was resumed meanwhile', async () => {
    await start();
    const [worker] = workers.all;
    workers.open(worker!, FULL);
    const taskId = await enqueue();
    await enqueue();
    server.lagTurns = 3;
    workers.cut(worker!);
    workers.open(worker!, { ...FULL, kind: 'resume' });
    await server.turn();
    server.refused.add('settleTasks');
    workers.say(worker!, [{ taskId, delivery: 1, kind: 'succeeded' }], 'tell');
    await rest();
    const { session, open } = worker!.line!;
    assert.deepEqual([session!.capacity().limit, open.size], [0, 1]);
    server.refused.clear();
    workers.say(worker!, [{ taskId, delivery: 1, kind: 'succeeded' }], 'line');
    await rest();
    assert.deepEqual([session!.capacity().limit, open.size], [0, 1]);
    assert.deepEqual(
      [...open.values()].filter((one) => one.taskId === taskId),
      [],
    );
  });

  it('ends an attempt in time although its session was resumed while the store was asked for that', async () => {
    await start(async () => createModelStore());
    const [worker] = workers.all;
    workers.open(worker!, FULL);
    const taskId = await enqueue({ timeoutMs: 500, maxAttempts: 1 });
    workers.say(worker!, [{ taskId, delivery: 1, kind: 'started' }], 'line');
    server.clock.advance(400);
    server.lagTurns = 3;
    workers.cut(worker!);
    workers.open(worker!, { ...FULL, kind: 'resume' });
    server.clock.advance(100);
    await rest();
    assert.equal((await server.store.describeTask(taskId))?.settled?.error?.code, 'TIMEOUT');
  });

  it('lets a timeout run on when a named client starts anew and still has the task', async () => {
    await start();
    const [worker, other] = workers.all.filter(({ clientId }) => clientId === 'n0');
    workers.open(worker!, FULL);
    const taskId = await enqueue({ timeoutMs: 500, maxAttempts: 1 });
    workers.say(worker!, [{ taskId, delivery: 1, kind: 'started' }], 'line');
    server.clock.advance(400);
    // Another program of that name, which has what the first one had and resumes a session that nobody knows.
    other!.sessionId = '0'.repeat(32);
    other!.holding.set(`${taskId} 1`, { taskId, delivery: 1 });
    workers.open(other!, { ...FULL, kind: 'resume' });
    await rest();
    assert.equal((await server.store.describeTask(taskId))?.state, 'running');
    server.clock.advance(100);
    await rest();
    assert.equal((await server.store.describeTask(taskId))?.settled?.error?.code, 'TIMEOUT');
  });

  it('gives tasks to the others while a session is replaced over another node', async () => {
    // Its own node asks no claim for a session while another takes its place: it has to hear of that first.
    const store = await openStore('memory:', { node: 'n' });
    const shared = shareStore(store, 2);
    await start(async () => shared.stores[0]!);
    const elsewhere = await createBareServer(
      async () => shared.stores[1]!,
      () => 0,
      { node: 'elsewhere' },
    );
    const [worker, other] = workers.all;
    for (const one of [worker!, other!]) workers.open(one, { ...FULL, credit: 0 });
    await enqueue({ payload: Buffer.alloc(1_500) });
    await enqueue({ payload: Buffer.alloc(0) });
    // The program starts anew, now for another queue, while the claim of this turn still asks for its session.
    workers.setCredit(other!, 1);
    workers.setCredit(worker!, 2);
    workers.open(other!, { ...FULL, queues: ['r'] }, elsewhere);
    await rest();
    // The second has to wait for the receipt of the first.
    await rest();
    assert.equal(worker!.holding.size, 2);
    await elsewhere.close();
    await store.close();
  });

  async function passFiveSeconds(): Promise<void> {
    for (let second = 0; second < 5; second += 1) {
      server.clock.advance(1_000);
      await rest();
    }
  }

  it('gives at once what the store alone tells of', async () => {
    await start();
    const [worker] = workers.all;
    workers.open(worker!, FULL);
    await rest();
    await server.store.insertTasks([createTask()], server.clock.now());
    await rest();
    assert.equal(worker!.holding.size, 1);
  });

  it('finds within five seconds what no signal told of: tasks, instants, results', async () => {
    await start();
    const [worker] = workers.all;
    workers.open(worker!, { ...FULL, credit: 3 });
    await rest();
    server.disturb = () => undefined;
    const now = server.clock.now();
    const [ready, due, over] = [
      createTask(),
      createTask({ runAt: now + 1_000 }),
      createTask({ queue: 'elsewhere', runAt: now + 1_000, expiresAt: now + 500 }),
    ];
    const settled: string[] = [];
    server.queue.results.onSettled(over.id, ({ state }) => settled.push(state));
    await server.store.insertTasks([ready, due, over], now);
    await rest();
    assert.equal(worker!.holding.size, 0);
    await passFiveSeconds();
    await passFiveSeconds();
    assert.deepEqual([worker!.holding.size, settled], [2, ['expired']]);
  });

  it('finds within five seconds that a queue was paused, when no signal told of it', async () => {
    await start();
    const [worker] = workers.all;
    workers.open(worker!, FULL);
    await rest();
    server.disturb = () => undefined;
    await server.store.setQueueSettings({ queue: 'q', isPaused: true });
    await passFiveSeconds();
    await enqueue();
    assert.equal(worker!.holding.size, 0);
    await server.store.setQueueSettings({ queue: 'q', isPaused: false });
    await passFiveSeconds();
    assert.equal(worker!.holding.size, 1);
  });
});
