import assert from 'node:assert/strict';
import type { TaskInput } from '../../server/model/task.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { createModelStore } from '../model/store.ts';
import { createBooks } from '../property/books.ts';
import { type Crew, createCrew } from '../property/crew.ts';
import { createHouse, type House } from '../property/house.ts';
import type { Opening, Worker } from '../property/line.ts';
import { createTask } from '../scene/tasks.ts';

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
    let a: Node;
    let b: Node;

    async function startNode(): Promise<Node> {
      // Each node would close it.
      const house = await createHouse(
        async () => ({ ...store, close: async () => undefined }),
        () => 0,
      );
      return { house, crew: createCrew(house, createBooks()) };
    }

    beforeEach(async () => {
      store = await open();
      [a, b] = [await startNode(), await startNode()];
    });

    afterEach(async () => {
      for (const { house } of [a, b]) await house.close();
      await store.close();
      for (const { house } of [a, b]) assert.deepEqual(house.faults, []);
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
      for (const { house } of [a, b]) house.disturb = () => undefined;
      const taskId = await enqueue(b);
      const heard: string[] = [];
      b.house.queue.results.onSettled(taskId, ({ state }) => heard.push(state));
      await pass(5_000);
      assert.equal(named(a).holding.size, 1);
      a.crew.say(named(a), [{ taskId, delivery: 1, kind: 'succeeded' }], 'line');
      await pass(5_000);
      assert.deepEqual(heard, ['succeeded']);
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
