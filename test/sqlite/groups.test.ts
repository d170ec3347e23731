import assert from 'node:assert/strict';
import { openStore } from '../../server/store/open.ts';
import { createOpening, createRequest } from '../scene/deliveries.ts';
import { addTasks, T0 } from '../scene/tasks.ts';

describe('a turn of the SQLite store', () => {
  it('claims 2,000 tasks or 8 MiB at most, and says that there may be more', async () => {
    const store = await openStore('memory:', { node: 'test' });
    const { session } = await store.openSession(createOpening(), T0);
    await addTasks(store, ...Array.from({ length: 2_050 }, () => ({})));
    await addTasks(store, ...Array.from({ length: 10 }, () => ({ queue: 'large', payload: Buffer.alloc(1 << 20) })));
    const claimSome = async (queue: string) => {
      const request = createRequest(session, { lanes: [{ queue, lane: '' }], limit: 5_000, maxBytes: 1 << 30 });
      const [outcome] = await store.claimTasks(
        () => [request],
        () => T0,
      );
      return [outcome!.tasks.length, outcome!.exhausted];
    };
    assert.deepEqual(
      [await claimSome('q'), await claimSome('q')],
      [
        [2_000, false],
        [50, true],
      ],
    );
    assert.deepEqual(
      [await claimSome('large'), await claimSome('large')],
      [
        [8, false],
        [2, true],
      ],
    );
    await store.close();
  });
});
