import assert from 'node:assert/strict';
import { rmSync, statfsSync } from 'node:fs';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { AdminService, type NewTaskSchema, type StreamEnqueueResponse } from '../../gen/index.ts';
import { newTaskId } from '../../shared/ids.ts';
import { type GuardedScene, startGuarded } from '../scene/access.ts';
import { ask, type Clients, connect, enqueue, refusalOf } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

type NewTask = MessageInitShape<typeof NewTaskSchema>;

async function reached({ operator, address }: GuardedScene, limit: string): Promise<number> {
  const { limitsReached } = await ask(connect({ address }, {}, operator), AdminService.method.getServerInfo, {});
  return Number(limitsReached[limit]);
}

/** Two principals, and a connection of each. */
async function openTwo(scene: GuardedScene): Promise<readonly [Clients, Clients]> {
  const [one, other] = [await scene.access.token(), await scene.access.token()];
  return [connect(scene, {}, one.text), connect(scene, {}, other.text)];
}

const toSelector = (selector: string): NewTask => ({ queue: 'q', target: { case: 'selector', value: selector } });

describe('The share of a principal', () => {
  afterEach(closeScene);

  it('of the queue names that sessions draw from is half of them', async function () {
    this.timeout(30_000);
    const scene = await startGuarded();
    const [greedy, other] = await openTwo(scene);
    const queues = Array.from({ length: 1_000 }, (_, n) => `some/${n}`);
    const open = (clients: Clients, clientId: string) => openWorker(clients, { clientId, queues, isFull: false });
    // Each counts for 984 names.
    for (let n = 0; n < 50; n++) await open(greedy, `greedy-${n}`);
    assert.match(
      await refusalOf(open(greedy, 'more')),
      /^RESOURCE_EXHAUSTED queues: the sessions of token:t1 draw from/,
    );
    await open(other, 'other');
    assert.equal(await reached(scene, 'queue_names_per_principal'), 1);
  });

  it('of the disk ends before it is full, and others go on until then', async () => {
    const folder = createFolder();
    atEnd(() => rmSync(folder, { recursive: true }));
    const { bavail, bsize } = statfsSync(folder);
    const scene = await startGuarded({
      store: `sqlite:${folder}/test.db`,
      // More than that is free, and less than twice as much.
      minFreeBytes: Math.floor(0.7 * bavail * bsize),
    });
    const [greedy, other] = await openTwo(scene);
    await enqueue(greedy, { queue: 'q', payload: new Uint8Array(100_000) });
    const refused = /^RESOURCE_EXHAUSTED disk: little is left, and token:t1 has filled it most/;
    assert.match(await refusalOf(enqueue(greedy, { queue: 'q' })), refused);
    await enqueue(other, { queue: 'q' });
    await enqueue(other, { queue: 'q' });
    assert.equal(await reached(scene, 'disk_per_principal'), 1);
  });

  it('of the selectors of a queue is half of them', async () => {
    const scene = await startGuarded();
    const [greedy, other] = await openTwo(scene);
    await enqueue(greedy, ...Array.from({ length: 500 }, (_, n) => toSelector(`n=${n}`)));
    assert.match(
      await refusalOf(enqueue(greedy, toSelector('n=more'))),
      /^RESOURCE_EXHAUSTED tasks\[0\]\.selector: token:t1 has as many/,
    );
    await enqueue(other, ...Array.from({ length: 500 }, (_, n) => toSelector(`other=${n}`)));
    assert.equal(await reached(scene, 'selectors_per_principal'), 1);
  });

  it('of the results that streams await is half of them', async function () {
    this.timeout(30_000);
    const scene = await startGuarded();
    const [greedy, other] = await openTwo(scene);
    const answers = { stored: 0, refusals: [] as string[] };
    const await1000 = (clients: Clients): void => {
      const stream = clients.tasks.streamEnqueue();
      stream.on('error', () => undefined);
      stream.on('data', ({ event }: StreamEnqueueResponse) => {
        if (event.case === 'stored') answers.stored += 1;
        else if (event.case === 'refused') answers.refusals.push(event.value.message);
      });
      const tasks = Array.from({ length: 1_000 }, () => ({ id: newTaskId(), queue: 'q' }));
      stream.write({ tasks, awaitResults: true } as never);
    };
    for (let n = 0; n < 50; n++) {
      await1000(greedy);
      await until('it is answered', () => answers.stored + answers.refusals.length > n);
    }
    assert.deepEqual(answers, { stored: 50, refusals: [] });
    await1000(greedy);
    await until('it is refused', () => answers.refusals.length === 1);
    assert.match(answers.refusals[0]!, /the streams of token:t1 await more than 50000 results/);
    await1000(other);
    await until('others have theirs', () => answers.stored === 51);
    assert.equal(await reached(scene, 'awaited_per_principal'), 1);
  });
});
