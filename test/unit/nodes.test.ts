import assert from 'node:assert/strict';
import type { TaskInput } from '../../server/model/task.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { type SharedStore, shareStore } from '../model/nodes.ts';
import { createModelStore } from '../model/store.ts';
import { createBooks } from '../property/books.ts';
import { type Crew, createCrew } from '../property/crew.ts';
import { createHouse, type House } from '../property/house.ts';
import type { Opening, Worker } from '../property/line.ts';
import { createBroadcast, createTask, T0 } from '../scene/tasks.ts';

const FULL: Opening = {
  ...{ kind: 'fresh', credit: 1, queues: ['q'] },
  ...{ isFull: true, isStatusFirst: true, isResumable: true },
};

/** One node: its sessions and its dispatch. */
interface Node {
  readonly house: House;
  readonly crew: Crew;
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
      const house = await createHouse(
        async () => shared.stores[at]!,
        () => 0,
        { node },
      );
      return { house, crew: createCrew(house, createBooks()) };
    }

    beforeEach(async () => {
      store = await open();
      shared = shareStore(store, 3);
      [a, b] = [await startNode(0), await startNode(1)];
    });

    afterEach(async () => {
      const nodes = [a, b, ...extra.splice(0)];
      for (const { house } of nodes) await house.close();
      await store.close();
      for (const { house } of nodes) assert.deepEqual(house.faults, []);
    });

    async function rest(): Promise<void> {
      for (let round = 0; round < 3; round += 1) {
        for (const { house, crew } of [a, b]) {
          await house.rest();
          crew.attend();
          await house.rest();
        }
      }
    }

    async function pass(ms: number): Promise<void> {
      for (let left = ms; left > 0; left -= 500) {
        for (const { house } of [a, b]) house.clock.advance(Math.min(500, left));
        await rest();
      }
    }

    async function enqueue(node: Node, with_: Partial<TaskInput> = {}): Promise<string> {
      const task = createTask(with_);
      await node.house.queue.enqueue([task]);
      await rest();
      return task.id;
    }

    function named({ crew }: Node, clientId = 'n0'): Worker {
      const worker = crew.workers.find((one) => one.clientId === clientId);
      assert.ok(worker);
      return worker;
    }

    it('give a task to a worker of the other', async () => {
      a.crew.open(named(a), FULL);
      await rest();
      await enqueue(b);
      assert.equal(named(a).holding.size, 1);
    });

    it('cancel what runs at the other', async () => {
      a.crew.open(named(a), FULL);
      const taskId = await enqueue(a);
      await b.house.queue.cancel([taskId], 'enough');
      await rest();
      assert.deepEqual([...named(a).line!.cancelled], [`${taskId} 1`]);
    });

    it('cancel what is on its way to a worker of the other', async () => {
      a.crew.open(named(a), FULL);
      await rest();
      a.house.lagTurns = 20;
      const task = createTask();
      const stored = a.house.queue.enqueue([task]);
      while ((await store.describeTask(task.id))?.state !== 'running') await a.house.turn();
      assert.equal(named(a).holding.size, 0);
      await b.house.queue.cancel([task.id], 'enough');
      await stored;
      await rest();
      assert.deepEqual([...named(a).line!.cancelled], [`${task.id} 1`]);
    });

    it('hear of a result that was told to the other', async () => {
      a.crew.open(named(a), FULL);
      const taskId = await enqueue(b);
      const heard: string[] = [];
      b.house.queue.results.onSettled(taskId, ({ state }) => heard.push(state));
      a.crew.say(named(a), [{ taskId, delivery: 1, kind: 'succeeded' }], 'line');
      await rest();
      assert.deepEqual(heard, ['succeeded']);
    });

    it('obey a pause that was ordered at the other, and its end', async () => {
      a.crew.open(named(a), FULL);
      await rest();
      await b.house.queue.operations.pauseQueue('q', true);
      await enqueue(a);
      assert.equal(named(a).holding.size, 0);
      await b.house.queue.operations.resumeQueue('q');
      await rest();
      assert.equal(named(a).holding.size, 1);
    });

    it('find within ten seconds what no signal told of', async () => {
      a.crew.open(named(a), FULL);
      await rest();
      shared.disturb = () => undefined;
      const taskId = await enqueue(b);
      const heard: string[] = [];
      b.house.queue.results.onSettled(taskId, ({ state }) => heard.push(state));
      await pass(5_000);
      assert.equal(named(a).holding.size, 1);
      a.crew.say(named(a), [{ taskId, delivery: 1, kind: 'succeeded' }], 'line');
      await pass(5_000);
      assert.deepEqual(heard, ['succeeded']);
    });

    it('find within five seconds a cancel that no signal told of', async () => {
      a.crew.open(named(a), FULL);
      const taskId = await enqueue(a);
      shared.disturb = () => undefined;
      await b.house.queue.cancel([taskId], 'enough');
      await pass(5_000);
      assert.deepEqual([...named(a).line!.cancelled], [`${taskId} 1`]);
    });

    it('tell a client that comes back to the other of the cancel that came meanwhile', async () => {
      const worker = named(a);
      a.crew.open(worker, FULL);
      const taskId = await enqueue(a);
      a.crew.cut(worker);
      await rest();
      shared.disturb = () => undefined;
      await a.house.queue.cancel([taskId], 'enough');
      const there = named(b);
      there.sessionId = worker.sessionId;
      for (const [name, one] of worker.holding) there.holding.set(name, one);
      b.crew.open(there, { ...FULL, kind: 'resume' });
      await rest();
      assert.deepEqual([...there.line!.cancelled], [`${taskId} 1`]);
    });

    it('find a session that was replaced or resumed at the other, though no signal told', async () => {
      for (const clientId of ['n0', 'e']) a.crew.open(named(a, clientId), FULL);
      await rest();
      shared.disturb = () => undefined;
      b.crew.open(named(b), FULL);
      const there = named(b, 'e');
      there.sessionId = named(a, 'e').sessionId;
      b.crew.open(there, { ...FULL, kind: 'resume' });
      await rest();
      assert.equal(a.house.registry.sessions.size, 2);
      await pass(5_000);
      assert.equal(a.house.registry.sessions.size, 0);
    });

    it('find within five seconds that a client was drained, and that it was set back, though no signal told', async () => {
      a.crew.open(named(a), FULL);
      await rest();
      shared.disturb = () => undefined;
      const isDraining = () => [...a.house.registry.sessions].map((one) => one.isDraining);
      await b.house.registry.clients.drain('n0');
      await pass(5_000);
      assert.deepEqual(isDraining(), [true]);
      await b.house.registry.clients.resume('n0');
      await pass(5_000);
      assert.deepEqual(isDraining(), [false]);
    });

    it('drain a client that registers meanwhile', async () => {
      a.crew.open(named(a), FULL);
      await rest();
      const drained = b.house.registry.clients.drain('n0');
      a.crew.open(named(a), FULL);
      await drained;
      await rest();
      assert.deepEqual(
        [...a.house.registry.sessions].map(({ isDraining }) => isDraining),
        [true],
      );
    });

    for (const [what, disturb] of [
      ['once it hears of', undefined],
      ['within five seconds though no signal told of', () => undefined],
    ] as const) {
      it(`give a worker its next task ${what} the end that was told to the other`, async () => {
        a.crew.open(named(a), FULL);
        const taskId = await enqueue(a);
        await enqueue(a);
        assert.deepEqual([...named(a).holding.keys()], [`${taskId} 1`]);
        shared.disturb = disturb;
        a.crew.say(named(a), [{ taskId, delivery: 1, kind: 'succeeded' }], 'tell', b.house);
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
      a.crew.open(worker, FULL);
      await rest();
      const there = named(b);
      there.sessionId = worker.sessionId;
      b.crew.open(there, { ...FULL, kind: 'resume' });
      await rest();
      const taskId = await enqueue(b, { maxAttempts: 1 });
      b.crew.say(there, [{ taskId, delivery: 1, kind: 'started' }], 'line');
      await rest();
      // The first node knows the session still, as it was before.
      worker.sessionId = there.sessionId;
      a.crew.open(worker, { ...FULL, kind: 'resume' });
      await rest();
      assert.equal((await store.describeTask(taskId))?.state, 'failed');
    });

    it('never run a last attempt twice, though its client comes back to the other and names nothing', async () => {
      const worker = named(a);
      a.crew.open(worker, FULL);
      const taskId = await enqueue(a, { maxAttempts: 1 });
      a.crew.say(worker, [{ taskId, delivery: 1, kind: 'started' }], 'line');
      await rest();
      const there = named(b);
      there.sessionId = worker.sessionId;
      b.crew.open(there, { ...FULL, kind: 'resume' });
      await rest();
      assert.equal((await store.describeTask(taskId))?.state, 'failed');
      assert.equal(there.holding.size, 0);
    });

    it('never run one twice, though another program registers under its name at the other', async () => {
      const worker = named(a);
      a.crew.open(worker, FULL);
      const taskId = await enqueue(a, { maxAttempts: 1 });
      a.crew.say(worker, [{ taskId, delivery: 1, kind: 'started' }], 'line');
      await rest();
      b.crew.open(named(b), FULL);
      await rest();
      assert.equal((await store.describeTask(taskId))?.state, 'failed');
      // Its streams at the first node end.
      assert.equal(a.house.registry.sessions.size, 0);
    });
  });
}
