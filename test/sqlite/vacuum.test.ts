import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { openStore } from '../../server/store/open.ts';
import type { StoreOptions } from '../../server/store/options.ts';
import { preparePlace } from '../scene/folder.ts';
import { addTasks } from '../scene/tasks.ts';

describe('a file that can give back space', () => {
  const place = preparePlace();

  async function use(options: Partial<StoreOptions> = {}): Promise<{ notices: string; epoch: string; tasks: number }> {
    const notices: string[] = [];
    const onNotice = (message: string): void => void notices.push(message);
    const store = await openStore(`sqlite:${place.file}`, { node: 'test', onNotice, ...options });
    await addTasks(store, {});
    const tasks = (await store.listTasks({}, null, 10)).length;
    await store.close();
    return { notices: notices.join('\n'), epoch: store.epoch, tasks };
  }

  function mode(): unknown {
    const db = new DatabaseSync(place.file);
    const found = db.prepare('PRAGMA auto_vacuum').get()!.auto_vacuum;
    db.close();
    return found;
  }

  it('is what a new one is', async () => {
    assert.equal((await use()).notices, '');
    assert.equal(mode(), 2);
  });

  it('is what an older one becomes at opening, with room for it', async () => {
    const { epoch } = await use();
    const db = new DatabaseSync(place.file);
    db.exec('PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM');
    db.close();
    assert.equal(mode(), 0);
    const cramped = await use({ freeBytes: () => 1_000, minFreeBytes: 0 });
    assert.match(cramped.notices, /needs \d+ bytes of free disk, once/);
    assert.equal(mode(), 0);
    const roomy = await use();
    assert.match(roomy.notices, /^converting .*contact\.db/);
    assert.equal(mode(), 2);
    assert.deepEqual([roomy.epoch, roomy.tasks], [epoch, 3]);
  });
});
