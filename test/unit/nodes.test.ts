import assert from 'node:assert/strict';
import type { TaskInput } from '../../server/model/task.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { type SharedStore, shareStore } from '../model/nodes.ts';
import { createModelStore } from '../model/store.ts';
import { createAccounts } from '../property/accounts.ts';
import type { Opening, Worker, Workers } from '../property/line.ts';
import { type BareServer, createBareServer } from '../property/server.ts';
import { createWorkers } from '../property/workers.ts';
import { createBroadcast, createTask, T0 } from '../scene/tasks.ts';

const FULL: Opening = {
  ...{ kind: 'fresh', credit: 1, queues: ['q'] },
  ...{ isFull: true, isStatusFirst: true, isResumable: true },
};

/** One node: its sessions and its dispatch. */
interface Node {
  readonly server: BareServer;
  readonly workers: Workers;
}

const STORES: Readonly<Record<string, () => Promise<Store>>> = {
  model: async () => createModelStore(),
  sqlite: () => openStore('memory:', { node: 'n' }),
};

for (const [name, open] of Object.entries(STORES)) {
  describe(`two nodes over one ${name} store`, () => {
    let store: Store;
    let shared: SharedStore;
    let a: Node;
    let b: Node;
    const extra: Node[] = [];

    async function startNode(at: number, node = `node-${at}`): Promise<Node> {
      const server = await createBareServer(
        async () => shared.stores[at]!,
        () => 0,
        { node },
      );
      return { server, workers: createWorkers(server, createAccounts()) };
    }

    beforeEach(async () => {
      store = await open();
      shared = shareStore(store, 3);
      [a, b] = [await startNode(0), await startNode(1)];
    });

    afterEach(async () => {
      const nodes = [a, b, ...extra.splice(0)];
      for (const { server } of nodes) await server.close();
      await store.close();
      for (const { server } of nodes) assert.deepEqual(server.faults, []);
    });

    async function rest(): Promise<void> {
      for (let round = 0; round < 3; round += 1) {
        for (const { server, workers } of [a, b]) {
          await server.rest();
          workers.attend();
          await server.rest();
        }
      }
    }

    async function pass(ms: number): Promise<void> {
      for (let left = ms; left > 0; left -= 500) {
        for (const { server } of [a, b]) server.clock.advance(Math.min(500, left));
        await rest();
      }
    }

    async function enqueue(node: Node, with_: Partial<TaskInput> = {}): Promise<string> {
      const task = createTask(with_);
      await node.server.queue.enqueue([task]);
      await rest();
      return task.id;
    }

    function named({ workers }: Node, clientId = 'n0'): Worker {
      const worker = workers.all.find((one) => one.clientId === clientId);
      assert.ok(worker);
      return worker;
    }

    it('give a task to a worker of the other', async () => {
      a.workers.open(named(a), FULL);
      await rest();
      await enqueue(b);
      assert.equal(named(a).holding.size, 1);
    });

    it('cancel what runs at the other', async () => {
      a.workers.open(named(a), FULL);
      const taskId = await enqueue(a);
      await b.server.queue.cancel([taskId], 'enough', 'ops');
      await rest();
      assert.deepEqual([...named(a).line!.cancelled], [`${taskId} 1`]);
    });

    it('cancel what is on its way to a worker of the other', async () => {
      a.workers.open(named(a), FULL);
      await rest();
      a.server.lagTurns = 20;
      const task = createTask();
      const stored = a.server.queue.enqueue([task]);
      while ((await store.describeTask(task.id))?.state !== 'running') await a.server.turn();
      assert.equal(named(a).holding.size, 0);
      await b.server.queue.cancel([task.id], 'enough', 'ops');
      await stored;
      await rest();
      assert.deepEqual([...named(a).line!.cancelled], [`${task.id} 1`]);
    });

    it('hear of a result that was told to the other', async () => {
      a.workers.open(named(a), FULL);
      const taskId = await enqueue(b);
      const heard: string[] = [];
      b.server.queue.results.onSettled(taskId, ({ state }) => heard.push(state));
      a.workers.say(named(a), [{ taskId, delivery: 1, kind: 'succeeded' }], 'line');
      await rest();
      assert.deepEqual(heard, ['succeeded']);
    });

    it('obey a pause that was ordered at the other, and its end', async () => {
      a.workers.open(named(a), FULL);
      await rest();
      await b.server.queue.operations.pauseQueue('q', true);
      await enqueue(a);
      assert.equal(named(a).holding.size, 0);
      await b.server.queue.operations.resumeQueue('q');
      await rest();
      assert.equal(named(a).holding.size, 1);
    });

    it('find within ten seconds what no signal told of', async () => {
      a.workers.open(named(a), FULL);
      await rest();
      shared.disturb = () => undefined;
      const taskId = await enqueue(b);
      const heard: string[] = [];
      b.server.queue.results.onSettled(taskId, ({ state }) => heard.push(state));
      await pass(5_000);
      assert.equal(named(a).holding.size, 1);
      a.workers.say(named(a), [{ taskId, delivery: 1, kind: 'succeeded' }], 'line');
      await pass(5_000);
      assert.deepEqual(heard, ['succeeded']);
    });

    it('find within five seconds a cancel that no signal told of', async () => {
      a.workers.open(named(a), FULL);
      const taskId = await enqueue(a);
      shared.disturb = () => undefined;
      await b.server.queue.cancel([taskId], 'enough', 'ops');
      await pass(5_000);
      assert.deepEqual([...named(a).line!.cancelled], [`${taskId} 1`]);
    });

    it('tell a client that comes back to the other of the cancel that came meanwhile', async () => {
      const worker = named(a);
      a.workers.open(worker, FULL);
      const taskId = await enqueue(a);
      a.workers.cut(worker);
      await rest();
      shared.disturb = () => undefined;
      await a.server.queue.cancel([taskId], 'enough', 'ops');
      const there = named(b);
      there.sessionId = worker.sessionId;
      for (const [name, one] of worker.holding) there.holding.set(name, one);
      b.workers.open(there, { ...FULL, kind: 'resume' });
      await rest();
      assert.deepEqual([...there.line!.cancelled], [`${taskId} 1`]);
    });

    it('find a session that was replaced or resumed at the other, though no signal told', async () => {
      for (const clientId of ['n0', 'e']) a.workers.open(named(a, clientId), FULL);
      await rest();
      shared.disturb = () => undefined;
      b.workers.open(named(b), FULL);
      const there = named(b, 'e');
      there.sessionId = named(a, 'e').sessionId;
      b.workers.open(there, { ...FULL, kind: 'resume' });
      await rest();
      assert.equal(a.server.registry.sessions.size, 2);
      await pass(5_000);
      assert.equal(a.server.registry.sessions.size, 0);
    });

    it('find within five seconds that a client was drained, and that it was set back, though no signal told', async () => {
      a.workers.open(named(a), FULL);
      await rest();
      shared.disturb = () => undefined;
      const isDraining = () => [...a.server.registry.sessions].map((one) => one.isDraining);
      await b.server.registry.clients.drain('n0');
      await pass(5_000);
      assert.deepEqual(isDraining(), [true]);
      await b.server.registry.clients.resume('n0');
      await pass(5_000);
      assert.deepEqual(isDraining(), [false]);
    });

    it('drain a client that registers meanwhile', async () => {
      a.workers.open(named(a), FULL);
      await rest();
      const drained = b.server.registry.clients.drain('n0');
      a.workers.open(named(a), FULL);
      await drained;
      await rest();
      assert.deepEqual(
        [...a.server.registry.sessions].map(({ isDraining }) => isDraining),
        [true],
      );
    });

    for (const [what, disturb] of [
      ['once it hears of', undefined],
      ['within five seconds though no signal told of', () => undefined],
    ] as const) {
      it(`give a worker its next task ${what} the end that was told to the other`, async () => {
        a.workers.open(named(a), FULL);
        const taskId = await enqueue(a);
        await enqueue(a);
        assert.deepEqual([...named(a).holding.keys()], [`${taskId} 1`]);
        shared.disturb = disturb;
        a.workers.say(named(a), [{ taskId, delivery: 1, kind: 'succeeded' }], 'tell', b.server);
        await rest();
        if (disturb) await pass(5_000);
        assert.equal(named(a).holding.size, 1);
        assert.equal(named(a).holding.has(`${taskId} 1`), false);
      });
    }

    it('leave a broadcast alone that another fills, and a node that comes back takes over what it left', async () => {
      const { parent, children } = createBroadcast(['x', 'y']);
      await store.insertBroadcast(parent, children, T0, 'node-0');
      extra.push(await startNode(2));
      await rest();
      assert.equal((await store.describeTask(parent.id))?.state, 'ready');
      extra.push(await startNode(2, 'node-0'));
      await rest();
      assert.equal(await store.describeTask(parent.id), undefined);
    });

    it('take over within five seconds a broadcast that is given to them', async () => {
      const { parent, children } = createBroadcast(['x', 'y']);
      await store.insertBroadcast(parent, children, T0, 'node-1');
      await pass(5_000);
      assert.equal(await store.describeTask(parent.id), undefined);
    });

    it('never run a last attempt twice, though its client comes back there from the other and names nothing', async () => {
      const worker = named(a);
      a.workers.open(worker, FULL);
      await rest();
      const there = named(b);
      there.sessionId = worker.sessionId;
      b.workers.open(there, { ...FULL, kind: 'resume' });
      await rest();
      const taskId = await enqueue(b, { maxAttempts: 1 });
      b.workers.say(there, [{ taskId, delivery: 1, kind: 'started' }], 'line');
      await rest();
      // The first node knows the session still, as it was before.
      worker.sessionId = there.sessionId;
      a.workers.open(worker, { ...FULL, kind: 'resume' });
      await rest();
      assert.equal((await store.describeTask(taskId))?.state, 'failed');
    });

    it('never run a last attempt twice, though its client comes back to the other and names nothing', async () => {
      const worker = named(a);
      a.workers.open(worker, FULL);
      const taskId = await enqueue(a, { maxAttempts: 1 });
      a.workers.say(worker, [{ taskId, delivery: 1, kind: 'started' }], 'line');
      await rest();
      const there = named(b);
      there.sessionId = worker.sessionId;
      b.workers.open(there, { ...FULL, kind: 'resume' });
      await rest();
      assert.equal((await store.describeTask(taskId))?.state, 'failed');
      assert.equal(there.holding.size, 0);
    });

    it('never run one twice, though another program registers under its name at the other', async () => {
      const worker = named(a);
      a.workers.open(worker, FULL);
      const taskId = await enqueue(a, { maxAttempts: 1 });
      a.workers.say(worker, [{ taskId, delivery: 1, kind: 'started' }], 'line');
      await rest();
      b.workers.open(named(b), FULL);
      await rest();
      assert.equal((await store.describeTask(taskId))?.state, 'failed');
      // Its streams at the first node end.
      assert.equal(a.server.registry.sessions.size, 0);
    });
  });
}
