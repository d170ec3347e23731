import assert from 'node:assert/strict';
import type { Store } from '../../server/store/store.ts';
import { T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

/** What a node has kept since then, as text. */
async function keptBy(store: Store, node: string, since = 0): Promise<unknown[]> {
  const records = await store.listHistory(node, since);
  return records.map(({ node: by, until, bytes }) => [by, until - T0, Buffer.from(bytes).toString()]);
}

describeStores('keepHistory()', (open) => {
  const keep = (store: Store, node: string, until: number, text: string, keptFrom = 0, ms = 10): Promise<void> =>
    store.keepHistory({ node, from: T0 + until - ms, until: T0 + until, bytes: Buffer.from(text) }, T0 + keptFrom);

  it('keeps what each node has counted, the newest first', async () => {
    const store = await open();
    await keep(store, 'a', 10, 'one');
    await keep(store, 'a', 20, 'two');
    await keep(store, 'b', 15, 'other');
    assert.deepEqual(await keptBy(store, 'a'), [
      ['a', 20, 'two'],
      ['a', 10, 'one'],
    ]);
    assert.deepEqual(await keptBy(store, 'a', T0 + 11), [['a', 20, 'two']]);
    assert.deepEqual(await keptBy(store, 'b', T0 + 15), [['b', 15, 'other']]);
    assert.deepEqual(await keptBy(store, 'c'), []);
  });

  it('takes the place of all that the same node has kept of that time', async () => {
    const store = await open();
    for (const until of [10, 20, 30]) await keep(store, 'a', until, `${until}`);
    await keep(store, 'b', 30, 'other');
    await keep(store, 'a', 35, 'again', 0, 20);
    assert.deepEqual(await keptBy(store, 'a'), [
      ['a', 35, 'again'],
      ['a', 10, '10'],
    ]);
    assert.deepEqual(await keptBy(store, 'b'), [['b', 30, 'other']]);
  });

  it('forgets what is older, of every node', async () => {
    const store = await open();
    for (const until of [10, 20]) await keep(store, 'a', until, `${until}`);
    await keep(store, 'gone', 10, 'other');
    await keep(store, 'a', 30, 'new', 20);
    assert.deepEqual(await keptBy(store, 'a'), [
      ['a', 30, 'new'],
      ['a', 20, '20'],
    ]);
    assert.deepEqual(await keptBy(store, 'gone'), []);
  });
});
