import assert from 'node:assert/strict';
import { openStore } from '../../server/store/open.ts';
import { preparePlace } from '../scene/folder.ts';
import { createTask, stateOf, T0 } from '../scene/tasks.ts';

describe('idempotency keys over a restart', () => {
  const place = preparePlace();

  it('are free or taken as before', async () => {
    const open = () => openStore(`sqlite:${place.file}`, { node: 'test' });
    const task = () => createTask({ idempotencyKey: 'k' });
    const [first, second] = [task(), task()];
    let store = await open();
    await store.insertTasks([first], T0);
    await store.cancelTasks([first.id], 'no', T0);
    await store.close();
    store = await open();
    await store.insertTasks([second], T0);
    assert.equal(await stateOf(store, second.id), 'ready');
    await store.close();
    store = await open();
    const [outcome] = await store.insertTasks([task()], T0);
    assert.deepEqual(outcome, { id: second.id, deduplicated: true });
    assert.equal((await store.describeTask(first.id))!.idempotencyKey, 'k');
    await store.close();
  });
});
