import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../server/store/open.ts';
import { settle, startTask, succeed } from '../scene/deliveries.ts';
import { preparePlace } from '../scene/folder.ts';

describe('the epoch of a file', () => {
  const place = preparePlace();

  /** Opens, stores results, closes. */
  async function use(results: number, path = place.file): Promise<{ epoch: string; notices: string[] }> {
    const notices: string[] = [];
    const store = await openStore(`sqlite:${path}`, { node: 'test', onNotice: (message) => notices.push(message) });
    for (let i = 0; i < results; i++) await settle(store, succeed(await startTask(store)));
    await store.close();
    return { epoch: store.epoch, notices };
  }

  it('stays over restarts, and when all files are moved or the one beside the database is lost', async () => {
    const { epoch } = await use(2);
    assert.deepEqual(await use(2), { epoch, notices: [] });
    for (const ending of ['', '.origin']) renameSync(place.file + ending, join(place.folder, `moved.db${ending}`));
    assert.deepEqual(await use(1, join(place.folder, 'moved.db')), { epoch, notices: [] });
    rmSync(join(place.folder, 'moved.db.origin'));
    assert.deepEqual(await use(1, join(place.folder, 'moved.db')), { epoch, notices: [] });
    writeFileSync(join(place.folder, 'moved.db.origin'), '{"words":');
    assert.deepEqual(await use(1, join(place.folder, 'moved.db')), { epoch, notices: [] });
  });

  it('is a new one of a copy, with what is beside it or without', async () => {
    const { epoch } = await use(2);
    copyFileSync(place.file, join(place.folder, 'copy.db'));
    const copied = await use(0, join(place.folder, 'copy.db'));
    assert.notEqual(copied.epoch, epoch);
    assert.match(copied.notices.join(), /copy\.db is a copy, or an older state: it has a new epoch/);
    assert.equal((await use(0, join(place.folder, 'copy.db'))).epoch, copied.epoch);
    for (const ending of ['', '.origin']) copyFileSync(place.file + ending, join(place.folder, `both.db${ending}`));
    assert.notEqual((await use(0, join(place.folder, 'both.db'))).epoch, epoch);
    assert.equal((await use(0)).epoch, epoch);
  });

  it('is a new one of an older state restored into the same file', async () => {
    const { epoch } = await use(1);
    const older = readFileSync(place.file);
    await use(0);
    writeFileSync(place.file, older);
    const second = await use(1);
    assert.notEqual(second.epoch, epoch, 'of an earlier opening');

    const store = await openStore(`sqlite:${place.file}`, { node: 'test' });
    const [database, log] = [readFileSync(place.file), readFileSync(`${place.file}-wal`)];
    await settle(store, succeed(await startTask(store)));
    await store.close();
    writeFileSync(place.file, database);
    writeFileSync(`${place.file}-wal`, log);
    assert.notEqual((await use(0)).epoch, second.epoch, 'of the same opening');
  });
});
