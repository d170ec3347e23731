import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { assertRejects } from '../scene/answers.ts';
import { createFolder } from '../scene/folder.ts';
import { addTasks, createTask, T0 } from '../scene/tasks.ts';

let folder: string;
let file: string;
let stores: Store[];

function prepare(): void {
  folder = createFolder();
  file = join(folder, 'contact.db');
  stores = [];
}

async function cleanUp(): Promise<void> {
  for (const store of stores) await store.close();
  rmSync(folder, { recursive: true, force: true });
}

async function open(url = `sqlite:${file}`, onFatal?: (error: unknown) => void): Promise<Store> {
  const store = await openStore(url, { node: 'test', ...(onFatal ? { onFatal } : {}) });
  stores.push(store);
  return store;
}

describe('openStore() where something else has the name of a file of its own', () => {
  beforeEach(prepare);
  afterEach(cleanUp);

  it('refuses spellings of other programs, saying what to write instead', async () => {
    await assertRejects(open('sqlite::memory:'), 'INVALID_ARGUMENT', /names no file: write memory:$/);
    for (const url of ['sqlite://x', 'sqlite:///x', 'sqlite:file:x.db', 'sqlite: x.db']) {
      await assertRejects(open(url), 'INVALID_ARGUMENT', /names no file: write sqlite:PATH/);
    }
  });

  it('refuses devices, folders and pipes', async () => {
    await assertRejects(open('sqlite:/dev/null'), 'FAILED_PRECONDITION', /is a device, expected a regular file$/);
    await assertRejects(open(`sqlite:${folder}`), 'FAILED_PRECONDITION', /is a folder, expected a regular file$/);
    execFileSync('mkfifo', [file]);
    await assertRejects(open(), 'FAILED_PRECONDITION', /is a pipe, expected a regular file$/);
  });

  it('refuses the files beside a database as databases', async () => {
    await (await open()).close();
    for (const ending of ['-wal', '-shm', '.lock', '.pid']) {
      await assertRejects(open(`sqlite:${file}${ending}`), 'FAILED_PRECONDITION', /name the database itself$/);
    }
  });

  it('follows no link where it writes: links beside the database are refused, that of the pid is replaced', async () => {
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'precious');
    for (const ending of ['-wal', '-shm', '-journal', '.lock']) {
      symlinkSync(victim, file + ending);
      await assertRejects(open(), 'FAILED_PRECONDITION', /is a symbolic link, expected a regular file$/);
      rmSync(file + ending);
    }
    symlinkSync(victim, `${file}.pid`);
    await (await open()).close();
    assert.equal(readFileSync(victim, 'utf8'), 'precious');
    symlinkSync(join(folder, 'nothing'), join(folder, 'dangling.db'));
    const dangling = `sqlite:${join(folder, 'dangling.db')}`;
    await assertRejects(open(dangling), 'FAILED_PRECONDITION', /is a symbolic link/);
  });

  it('refuses a database that has another hard link', async () => {
    await (await open()).close();
    linkSync(file, join(folder, 'other.db'));
    await assertRejects(open(), 'FAILED_PRECONDITION', /has 2 hard links/);
  });

  it('refuses an empty database, or none, beside a log that has commits', async () => {
    const store = await open();
    await addTasks(store, {});
    copyFileSync(`${file}-wal`, join(folder, 'log'));
    await store.close();
    copyFileSync(join(folder, 'log'), `${file}-wal`);
    truncateSync(file);
    await assertRejects(open(), 'FAILED_PRECONDITION', /is empty but its log .*-wal is not: restore the database/);
    rmSync(file);
    await assertRejects(open(), 'FAILED_PRECONDITION', /is gone but its log/);
    assert.deepEqual(readFileSync(`${file}-wal`), readFileSync(join(folder, 'log')));
  });
});

describe('a store whose files go while it has them open', () => {
  beforeEach(prepare);
  afterEach(cleanUp);

  const FAULTS: Readonly<Record<string, [act: () => void, expected: RegExp]>> = {
    'the database removed': [() => rmSync(file), /contact\.db was removed or moved away/],
    'the log removed': [() => rmSync(`${file}-wal`), /contact\.db-wal was removed/],
    'the index of the log removed': [() => rmSync(`${file}-shm`), /contact\.db-shm was removed/],
    'the lock removed': [() => rmSync(`${file}.lock`), /contact\.db\.lock was removed/],
    'the database replaced': [
      () => {
        copyFileSync(file, `${file}.new`);
        renameSync(`${file}.new`, file);
      },
      /contact\.db was replaced by another file/,
    ],
    'the database cut': [() => truncateSync(file, 100), /contact\.db was cut from \d+ to 100 bytes/],
    'the log cut': [() => truncateSync(`${file}-wal`, 0), /contact\.db-wal was cut/],
    'the folder moved': [
      () => {
        renameSync(folder, `${folder}.moved`);
        mkdirSync(folder);
        rmSync(`${folder}.moved`, { recursive: true });
      },
      /contact\.db was removed or moved away/,
    ],
  };

  for (const [title, [act, expected]] of Object.entries(FAULTS)) {
    it(`says so and acknowledges nothing more: ${title}`, async () => {
      const told = Promise.withResolvers<unknown>();
      const store = await open(undefined, told.resolve);
      await addTasks(store, {});
      act();
      assert.match(((await told.promise) as Error).message, expected);
      await assert.rejects(store.insertTasks([createTask()], T0));
    });
  }

  it('keeps its log as it ends when the database was cut, whoever saw it first, and is not opened as a new one', async () => {
    const ENDS: readonly ((store: Store, told: Promise<unknown>) => Promise<void>)[] = [
      async (store, told) => {
        await told;
        await store.close();
      },
      (store) => store.close(),
    ];
    for (const end of ENDS) {
      const told = Promise.withResolvers<unknown>();
      // What was stored before is in the database; what comes now is in the log alone.
      await (await open()).close();
      const store = await open(undefined, told.resolve);
      await addTasks(store, {});
      const log = readFileSync(`${file}-wal`);
      const database = readFileSync(file);
      truncateSync(file);
      await end(store, told.promise);
      assert.match(((await told.promise) as Error).message, /contact\.db was cut from \d+ to 0 bytes/);
      assert.deepEqual(readFileSync(`${file}-wal`), log);
      await assertRejects(
        open(),
        'FAILED_PRECONDITION',
        /contact\.db is empty but its log .*contact\.db-wal is not: restore/,
      );
      // Restored, it has all that was acknowledged.
      writeFileSync(file, database);
      const restored = await open();
      assert.equal((await restored.countQueues())[0]?.ready, 1);
      await restored.close();
      for (const ending of ['', '-wal', '-shm', '.origin']) rmSync(file + ending, { force: true });
    }
  });

  it('keeps its log when the thread that copies it starts after the database was cut', async () => {
    const told = Promise.withResolvers<unknown>();
    // Not served, it has no such thread before there is something to copy.
    const store = await open(undefined, told.resolve);
    await addTasks(store, {});
    truncateSync(file);
    // The log becomes long enough for a pass.
    await store.insertTasks([createTask({ payload: Buffer.alloc(1 << 20) })], T0).catch(() => undefined);
    await told.promise;
    await store.close();
    assert.ok(statSync(`${file}-wal`).size > 0);
    await assertRejects(open(), 'FAILED_PRECONDITION', /is empty but its log/);
  });

  it('is not shared by a hard link that is made meanwhile, whichever name is opened', async () => {
    const told = Promise.withResolvers<unknown>();
    const noticed = Promise.withResolvers<string>();
    const parts = { node: 'test', onFatal: told.resolve, onNotice: noticed.resolve };
    const store = await openStore(`sqlite:${file}`, parts);
    stores.push(store);
    const other = join(folder, 'other.db');
    linkSync(file, other);
    await assertRejects(open(`sqlite:${other}`), 'FAILED_PRECONDITION', /has 2 hard links/);
    await assertRejects(open(), 'FAILED_PRECONDITION', /has 2 hard links/);
    assert.match(await noticed.promise, /contact\.db has another hard link now: no server opens it until/);
    await addTasks(store, {});
    // With one name left, another server would take it: the first ends.
    rmSync(file);
    assert.match(((await told.promise) as Error).message, /contact\.db was removed or moved away/);
    await assert.rejects(store.insertTasks([createTask()], T0));
  });

  it('goes on while nothing happens to them', async () => {
    let fault: unknown;
    const store = await open(undefined, (error) => {
      fault = error;
    });
    for (let i = 0; i < 5; i++) {
      await addTasks(store, {});
      await sleep(300);
    }
    assert.equal(fault, undefined);
  });
});
