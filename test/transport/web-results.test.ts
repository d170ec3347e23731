import assert from 'node:assert/strict';
import { closeScene } from '../scene/end.ts';
import { type Scene, type SceneOptions, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { askWeb, readEvents, workOn } from '../scene/web.ts';

const start = (options: SceneOptions = {}): Promise<Scene> => startScene({ pingIntervalMs: 2_000, ...options });

describe('results as events', () => {
  afterEach(closeScene);

  it('are told as they settle, and go on exactly after the last one', async () => {
    const scene = await start({ isDurable: true });
    const settle = async (n: number): Promise<void> => {
      const { json } = await askWeb(scene, '/v1/queues/q/tasks', { body: { payload: n, metadata: { n: String(n) } } });
      await askWeb(scene, '/v1/tasks/cancel', { body: { ids: [json.id] } });
    };
    const told = (reader: Awaited<ReturnType<typeof readEvents>>): number[] =>
      reader.events.filter(({ event }) => event === 'result').map(({ data }) => Number(data.metadata.n));
    const first = await readEvents(scene, '/v1/results?from=beginning');
    for (const n of [1, 2, 3]) await settle(n);
    await until('they are told', () => told(first).length === 3);
    assert.deepEqual(first.lastId, first.events.at(-1)!.data.cursor);
    first.close();
    for (const n of [4, 5]) await settle(n);
    const second = await readEvents(scene, '/v1/results?from=beginning', {
      headers: { 'last-event-id': first.lastId! },
    });
    await until('the next ones are told', () => told(second).length === 2);
    await settle(6);
    await until('and those after them', () => told(second).length === 3);
    assert.deepEqual(told(second), [4, 5, 6]);
    const { json: page } = await askWeb(scene, `/v1/results?from=${first.lastId}&limit=2`);
    assert.deepEqual(
      [page.results.map(({ metadata }: never) => Number((metadata as { n: string }).n)), page.more],
      [[4, 5], true],
    );
    const { json: rest } = await askWeb(scene, `/v1/results?from=${page.cursor}&limit=2`);
    assert.deepEqual([rest.results.length, rest.more, rest.cursor], [1, false, second.lastId]);
  });

  it('are told in pages, which end where their bytes do', async () => {
    const scene = await start();
    await workOn(scene, 'large', () => 'x'.repeat(400_000));
    for (let n = 0; n < 4; n++) await askWeb(scene, '/v1/queues/large/call', { body: {} });
    const { json: first } = await askWeb(scene, '/v1/results');
    assert.deepEqual([first.results.length, first.more], [2, true]);
    const { json: second } = await askWeb(scene, `/v1/results?from=${first.cursor}`);
    assert.deepEqual([second.results.length, second.more], [2, false]);
    assert.equal((await askWeb(scene, '/v1/results?limit=501')).json.error.field, 'limit');
  });

  it('end for good where the last one was of another store', async () => {
    const scene = await start();
    const gone = await readEvents(scene, '/v1/results', { headers: { 'last-event-id': '0123456789abcdef.7' } });
    assert.equal(gone.status, 204);
    assert.equal((await readEvents(scene, '/v1/results?from=0123456789abcdef.7')).status, 400);
  });

  it('begin where nothing has settled yet, and end with the server', async () => {
    const scene = await start();
    const reader = await readEvents(scene, '/v1/results');
    assert.equal(reader.status, 200);
    await until('it is told where it is', () => reader.lastId !== undefined);
    await scene.stop({ deadlineMs: 0 });
    await until('it has ended', () => reader.isOver);
    assert.deepEqual(
      reader.events.map(({ event }) => event),
      ['end'],
    );
  });

  it('tell the life of one task', async () => {
    const scene = await start();
    const { json } = await askWeb(scene, '/v1/queues/q/tasks', { body: {} });
    const reader = await readEvents(scene, `/v1/tasks/${json.id}/events`);
    await until('it is told', () => reader.events.length === 1);
    await workOn(scene, 'q', () => 'done');
    await until('it is over', () => reader.isOver);
    const { event, data } = reader.events.at(-2)!;
    assert.deepEqual([event, data.state, data.result], ['task', 'succeeded', 'done']);
    assert.equal(reader.events.at(-1)!.event, 'end');
  });
});
