import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../server/store/open.ts';
import { settle, startTask, succeed } from './scene.ts';
import { createFolder } from './stores.ts';

describe('the epoch of a file', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = createFolder();
    file = join(folder, 'contact.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Opens, stores results, closes. */
  async function use(results: number, path = file): Promise<{ epoch: string; notices: string[] }> {
    const notices: string[] = [];
    const store = await openStore(`sqlite:${path}`, { node: 'test', onNotice: (message) => notices.push(message) });
    for (let i = 0; i < results; i++) await settle(store, succeed(await startTask(store)));
    await store.close();
    return { epoch: store.epoch, notices };
  }

  it('stays over restarts, and when all files are moved or the one beside the database is lost', async () => {
    const { epoch } = await use(2);
    assert.deepEqual(await use(2), { epoch, notices: [] });
    for (const ending of ['', '.origin']) renameSync(file + ending, join(folder, `moved.db${ending}`));
    assert.deepEqual(await use(1, join(folder, 'moved.db')), { epoch, notices: [] });
    rmSync(join(folder, 'moved.db.origin'));
    assert.deepEqual(await use(1, join(folder, 'moved.db')), { epoch, notices: [] });
    writeFileSync(join(folder, 'moved.db.origin'), '{"words":');
    assert.deepEqual(await use(1, join(folder, 'moved.db')), { epoch, notices: [] });
  });

  it('is a new one of a copy, with what is beside it or without', async () => {
    const { epoch } = await use(2);
    copyFileSync(file, join(folder, 'copy.db'));
    const copied = await use(0, join(folder, 'copy.db'));
    assert.notEqual(copied.epoch, epoch);
    assert.match(copied.notices.join(), /copy\.db is a copy, or an older state: it has a new epoch/);
    assert.equal((await use(0, join(folder, 'copy.db'))).epoch, copied.epoch);
    for (const ending of ['', '.origin']) copyFileSync(file + ending, join(folder, `both.db${ending}`));
    assert.notEqual((await use(0, join(folder, 'both.db'))).epoch, epoch);
    assert.equal((await use(0)).epoch, epoch);
  });

  it('is a new one of an older state restored into the same file', async () => {
    const { epoch } = await use(1);
    const older = readFileSync(file);
    await use(0);
    writeFileSync(file, older);
    const second = await use(1);
    assert.notEqual(second.epoch, epoch, 'of an earlier opening');

    const store = await openStore(`sqlite:${file}`, { node: 'test' });
    const [database, log] = [readFileSync(file), readFileSync(`${file}-wal`)];
    await settle(store, succeed(await startTask(store)));
    await store.close();
    writeFileSync(file, database);
    writeFileSync(`${file}-wal`, log);
    assert.notEqual((await use(0)).epoch, second.epoch, 'of the same opening');
  });
});
