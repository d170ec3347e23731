import assert from 'node:assert/strict';
import { WaitingKindSchema } from '../../gen/index.ts';
import { type Clients, connect, describeTask, enqueue, refusalOf } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { nameOf, openWorker } from '../scene/worker.ts';

/** What is said of a task: the kind, and the words. */
async function explain(clients: Clients, id: string): Promise<[kind: string, words: string, hasSince: boolean]> {
  const { waiting } = await describeTask(clients, id);
  return [WaitingKindSchema.value[waiting?.kind ?? 0]!.localName, waiting?.text ?? '', waiting?.since !== undefined];
}

describe('what is said of a task', () => {
  afterEach(closeScene);

  it('that runs over a restart of the server is that it runs, and not since when', async () => {
    const scene = await startScene({ isDurable: true, resumeWindowMs: 60_000, pingIntervalMs: 60_000 });
    const clients = connect(scene);
    const [id] = await enqueue(clients, {});
    const before = await openWorker(clients, { clientId: 'w' });
    const delivery = nameOf((await before.receive(1))[0]!);
    before.send({ started: [delivery] });
    await until('the start', async () => (await explain(clients, id!))[0] === 'RUNNING');
    assert.equal((await explain(clients, id!))[2], true);

    await scene.restart();
    const again = connect(scene);
    const [kind, words, hasSince] = await explain(again, id!);
    assert.deepEqual([kind, hasSince], ['LOST', false]);
    assert.match(words, /^on w, whose connection was lost: it may come back until /);
    const resume = { previousSession: before.sessionId, holding: [delivery] };
    const after = await openWorker(again, { clientId: 'w', resume });
    assert.deepEqual(await explain(again, id!), [
      'CLAIMED',
      'on w, which has it and has not said that it began',
      false,
    ]);
    after.send({ started: [delivery] });
    await until('its word', async () => (await explain(again, id!))[0] === 'RUNNING');
    assert.deepEqual(await explain(again, id!), ['RUNNING', 'on w, since when is not known', false]);
  });

  it('that there is no budget for is that, and not that its client does not read', async () => {
    const clients = connect(await startScene({ unreceiptedBudgetBytes: 100_000, pingIntervalMs: 60_000 }));
    const task = { payload: Buffer.alloc(90_000) };
    await enqueue(clients, { ...task, target: { case: 'clientId', value: 'a' } });
    const a = await openWorker(clients, { clientId: 'a', givesReceipts: false });
    await a.receive(1);
    await openWorker(clients, { clientId: 'b', givesReceipts: false });
    const [id] = await enqueue(clients, { ...task, target: { case: 'clientId', value: 'b' } });
    assert.equal((await explain(clients, id!))[0], 'BUDGET');
  });

  it('that waits while there is too little disk for new ones is not that: it would be given out', async () => {
    const scene = await startScene({ isDurable: true });
    const [id] = await enqueue(connect(scene), {});
    await scene.restart({ minFreeBytes: Number.MAX_SAFE_INTEGER });
    const clients = connect(scene);
    assert.match(await refusalOf(enqueue(clients, {})), /^RESOURCE_EXHAUSTED .*too little disk is free/);
    assert.equal((await explain(clients, id!))[0], 'NOT_SERVED');
    await (await openWorker(clients)).receive(1);
  });

  it('that waits while the server goes is that it goes', async () => {
    const scene = await startScene({ pingIntervalMs: 60_000 });
    const clients = connect(scene);
    const worker = await openWorker(clients, { clientId: 'w', maxInFlight: 1 });
    const [, id] = await enqueue(clients, {}, {});
    const [first] = await worker.receive(1);
    const stopping = scene.stop({ deadlineMs: 60_000 });
    await until('moving', () => worker.messages.some(({ event }) => event.case === 'moving'));
    assert.equal((await explain(clients, id!))[0], 'SHUTTING_DOWN');
    await worker.succeed(nameOf(first!));
    await stopping;
  });
});
