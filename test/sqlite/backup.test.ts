import assert from 'node:assert/strict';
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { createBackups } from '../../server/store/file/backup.ts';
import { openDatabase } from '../../server/store/file/database.ts';
import { openStore, restoreStore } from '../../server/store/open.ts';
import type { StoreOptions } from '../../server/store/options.ts';
import type { Store } from '../../server/store/store.ts';
import { preparePlace } from '../scene/folder.ts';
import { createTask, T0 } from '../scene/tasks.ts';

const NEVER = new AbortController().signal;

describe('backUp()', () => {
  const place = preparePlace();
  const opened: Store[] = [];
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });

  async function open(options: Partial<StoreOptions> = {}): Promise<Store> {
    const store = await openStore(`sqlite:${place.file}`, { node: 'test', ...options });
    opened.push(store);
    return store;
  }

  /** Some megabytes of tasks; answers their ids. */
  async function fill(store: Store, count = 400): Promise<string[]> {
    const tasks = Array.from({ length: count }, () => createTask({ payload: Buffer.alloc(20_000, 7) }));
    return (await store.insertTasks(tasks, T0)).map(({ id }) => id);
  }

  async function write(store: Store, path: string): Promise<void> {
    const backup = await store.backUp(NEVER);
    const chunks: Uint8Array[] = [];
    for await (const chunk of backup.read()) chunks.push(chunk);
    await backup.close();
    assert.equal(Buffer.concat(chunks).byteLength, backup.bytes);
    assert.ok(chunks.every(({ byteLength }) => byteLength <= 256 << 10));
    writeFileSync(path, Buffer.concat(chunks));
  }

  it('is of one moment while commits go on, and leaves nothing beside the database', async () => {
    const store = await open();
    const before = await fill(store);
    const path = join(place.folder, 'copy.db');
    let isOver = false;
    const during: string[][] = [];
    const load = (async () => {
      while (!isOver) during.push((await store.insertTasks([createTask(), createTask()], T0)).map(({ id }) => id));
    })();
    await write(store, path);
    isOver = true;
    await load;
    assert.deepEqual(
      readdirSync(place.folder).filter((name) => name.includes('copying')),
      [],
    );
    const restored = await restoreStore(path, `sqlite:${join(place.folder, 'new.db')}`);
    const copy = await openStore(`sqlite:${join(place.folder, 'new.db')}`, { node: 'test' });
    opened.push(copy);
    assert.equal(copy.epoch, restored.epoch);
    for (const id of before) assert.ok(await copy.describeTask(id));
    // What came later is there up to one moment, each batch whole, and nothing after it.
    const found = await Promise.all(during.map((ids) => Promise.all(ids.map((id) => copy.describeTask(id)))));
    const kept = found.map((tasks) => tasks.map((task) => task !== undefined));
    const end = kept.findIndex(([first]) => !first);
    assert.ok(end < 0 || kept.slice(end).every((each) => each.every((isKept) => !isKept)));
    assert.ok(kept.slice(0, end < 0 ? kept.length : end).every((each) => each.every((isKept) => isKept)));
    assert.equal(restored.tasks, before.length + 2 * (end < 0 ? kept.length : end));
  });

  it('is made one at a time, until it is closed', async () => {
    const store = await open();
    await fill(store, 10);
    const first = store.backUp(NEVER);
    await assert.rejects(store.backUp(NEVER), { code: 'RESOURCE_EXHAUSTED', message: /another backup/ });
    const made = await first;
    await assert.rejects(store.backUp(NEVER), { code: 'RESOURCE_EXHAUSTED' });
    await made.close();
    await (await store.backUp(NEVER)).close();
  });

  it('ends by its signal and with the store, and the next one is made', async () => {
    const store = await open();
    await fill(store);
    const given = new AbortController();
    const first = store.backUp(given.signal);
    given.abort();
    await assert.rejects(first, { code: 'CANCELLED' });
    const second = store.backUp(NEVER);
    const ended = assert.rejects(second, { code: 'CANCELLED' });
    await store.close();
    await ended;
    assert.equal(existsSync(`${place.file}.copying`), false);
  });

  it('needs room on the disk, and leaves what new tasks need', async () => {
    let free = 1 << 30;
    const store = await open({ freeBytes: () => free, minFreeBytes: 1_000_000 });
    await fill(store);
    free = 5_000_000;
    await assert.rejects(store.backUp(NEVER), { code: 'RESOURCE_EXHAUSTED', message: /needs \d+ bytes of disk/ });
    free = 1 << 30;
    await (await store.backUp(NEVER)).close();
  });

  it('is given up when the log grows too long meanwhile', async () => {
    const store = await open();
    await fill(store);
    const size = statSync(`${place.file}-wal`).size;
    const options = { file: place.file, countBytes: () => 0, freeBytes: () => 1 << 30, minFreeBytes: 0 };
    const backups = createBackups({ ...options, maxLogBytes: size - 1 });
    await assert.rejects(backups.make(NEVER), { code: 'RESOURCE_EXHAUSTED', message: /the log grew to \d+ bytes/ });
    await (await createBackups({ ...options, maxLogBytes: size }).make(NEVER)).close();
  });

  it('removes what a killed process has left of one', async () => {
    writeFileSync(`${place.file}.copying`, 'half');
    await open();
    assert.equal(existsSync(`${place.file}.copying`), false);
  });

  it('is refused in memory', async () => {
    const store = await openStore('memory:', { node: 'test' });
    opened.push(store);
    await assert.rejects(store.backUp(NEVER), { code: 'FAILED_PRECONDITION' });
  });
});

describe('restoreStore()', () => {
  const place = preparePlace();
  const from = (): string => join(place.folder, 'backup.db');

  /** A store with one task, closed: a database that nothing else is beside. */
  async function createBackup(path = from()): Promise<{ epoch: string; id: string }> {
    const store = await openStore(`sqlite:${path}`, { node: 'test' });
    const [{ id } = { id: '' }] = await store.insertTasks([createTask()], T0);
    await store.cancelTasks([id], '', T0);
    await store.close();
    return { epoch: store.epoch, id };
  }

  const restore = (isForced = false) => restoreStore(from(), `sqlite:${place.file}`, { isForced });

  it('makes a store of a backup, with an epoch of its own that stays', async () => {
    const { epoch, id } = await createBackup();
    const restored = await restore();
    assert.deepEqual([restored.tasks, restored.newest, restored.file.endsWith('contact.db')], [1, 1, true]);
    assert.notEqual(restored.epoch, epoch);
    assert.equal(statSync(place.file).mode & 0o777, 0o600);
    for (const _ of [1, 2]) {
      const notices: string[] = [];
      const onNotice = (notice: string): void => void notices.push(notice);
      const store = await openStore(`sqlite:${place.file}`, { node: 'test', onNotice });
      assert.deepEqual([store.epoch, notices], [restored.epoch, []]);
      assert.equal((await store.describeTask(id))!.state, 'cancelled');
      await store.close();
    }
    assert.notEqual((await restore(true)).epoch, restored.epoch);
  });

  it('replaces a store only if it is told to, with all that is beside it', async () => {
    await createBackup();
    const { id } = await createBackup(place.file);
    await assert.rejects(restore(), { code: 'FAILED_PRECONDITION', message: /is there already: say --force/ });
    const before = await openStore(`sqlite:${place.file}`, { node: 'test' });
    assert.ok(await before.describeTask(id));
    await assert.rejects(restore(true), { code: 'FAILED_PRECONDITION', message: /in use by process \d+/ });
    await before.close();
    const { epoch } = await restore(true);
    const after = await openStore(`sqlite:${place.file}`, { node: 'test' });
    assert.deepEqual([after.epoch, await after.describeTask(id)], [epoch, undefined]);
    await after.close();
  });

  it('refuses what is no whole backup of contact, and leaves the store that is there', async () => {
    const { id } = await createBackup(place.file);
    const attempts: [string, () => void, RegExp][] = [
      ['nothing', () => undefined, /is not there/],
      ['text', () => writeFileSync(from(), 'no database '.repeat(500)), /is no backup: /],
      ['another program', () => openOther(from()), /a database of another program/],
      ['damage', () => damage(from()), /is damaged: /],
      ['a log', () => writeFileSync(`${from()}-wal`, 'x'), /has a log beside it/],
    ];
    for (const [what, prepare, message] of attempts) {
      prepare();
      await assert.rejects(restore(true), { code: 'FAILED_PRECONDITION', message }, what);
      assert.deepEqual(
        readdirSync(place.folder).filter((name) => name.includes('restoring')),
        [],
      );
    }
    await assert.rejects(restoreStore(place.file, `sqlite:${place.file}`, { isForced: true }), /that store itself/);
    await assert.rejects(restoreStore(place.file, 'memory:'), { code: 'INVALID_ARGUMENT' });
    const store = await openStore(`sqlite:${place.file}`, { node: 'test' });
    assert.ok(await store.describeTask(id));
    await store.close();
  });

  function openOther(path: string): void {
    writeFileSync(path, '');
    const db = openDatabase(path);
    db.exec('CREATE TABLE other (a)');
    db.close();
  }

  /** A database of ours, one index of which is no longer there. */
  function damage(path: string): void {
    copyFileSync(place.file, path);
    const db = openDatabase(path);
    const page = db.prepare<{ rootpage: number }>(`SELECT rootpage FROM sqlite_schema WHERE name = 'result_by_task'`);
    const { rootpage } = page.get()!;
    db.close();
    const handle = openSync(path, 'r+');
    writeSync(handle, Buffer.alloc(4_096), 0, 4_096, (rootpage - 1) * 4_096);
    closeSync(handle);
  }
});
