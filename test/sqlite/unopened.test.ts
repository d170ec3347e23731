import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../server/store/open.ts';
import { createFolder } from '../scene/folder.ts';
import { fillBroadcast, T0 } from '../scene/tasks.ts';

describe('openStore() on a file with broadcasts that are not open', () => {
  let folder: string;
  beforeEach(() => {
    folder = createFolder();
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const open = () => openStore(`sqlite:${join(folder, 'contact.db')}`, { node: 'test' });

  it('goes on with them where they were', async () => {
    const first = await open();
    const filling = await fillBroadcast(first, ['a', 'b', 'c']);
    const opening = await fillBroadcast(first, ['d', 'e', 'f'], { runAt: T0 + 9 });
    await first.openBroadcast(opening.parent.id, 1, T0);
    const left = [
      { parentId: filling.parent.id, isOpening: false },
      { parentId: opening.parent.id, isOpening: true },
    ];
    await first.close();

    const second = await open();
    assert.deepEqual(await second.listUnopened('test'), left);
    assert.equal(await second.abandonBroadcast(filling.parent.id, 1), false);
    assert.equal((await second.openBroadcast(opening.parent.id, 1, T0)).isOpen, false);
    await second.close();

    const third = await open();
    assert.deepEqual(await third.listUnopened('test'), left);
    assert.equal(await third.abandonBroadcast(filling.parent.id, 9), true);
    assert.deepEqual(await third.openBroadcast(opening.parent.id, 9, T0), {
      ready: [],
      events: [],
      isOpen: true,
      dueAt: T0 + 9,
    });
    await third.close();

    const fourth = await open();
    assert.deepEqual(await fourth.listUnopened('test'), []);
    assert.deepEqual(
      (await fourth.listTasks({}, null, 10)).map(({ id }) => id).sort(),
      [opening.parent, ...opening.children].map(({ id }) => id).sort(),
    );
    assert.equal((await fourth.wakeTasks(T0 + 9, 10)).ready.length, 3);
    await fourth.close();
  });
});
