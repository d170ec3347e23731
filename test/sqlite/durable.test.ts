import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { openStore } from '../../server/store/open.ts';
import type { StoreOptions } from '../../server/store/options.ts';
import type { Store } from '../../server/store/store.ts';
import { assertRejects } from '../scene/answers.ts';
import { claim, fail, nameDelivery, openSession, settle, startTask, succeed } from '../scene/deliveries.ts';
import { createFolder } from '../scene/folder.ts';
import { addTasks, createTask, T0 } from '../scene/tasks.ts';

describe('openStore() on a file', () => {
  let folder: string;
  let file: string;
  let stores: Store[];

  beforeEach(() => {
    folder = createFolder();
    file = join(folder, 'contact.db');
    stores = [];
  });

  afterEach(async () => {
    for (const store of stores) await store.close();
    rmSync(folder, { recursive: true });
  });

  async function open(options: Partial<StoreOptions> = {}): Promise<Store> {
    const store = await openStore(`sqlite:${file}`, { node: 'test', ...options });
    stores.push(store);
    return store;
  }

  it('finds everything again', async () => {
    const first = await open();
    const running = await startTask(first, { queue: 'a' }, { secretHash: 'one', clientId: 'me' });
    const failed = await startTask(first, { queue: 'b', maxAttempts: 1 });
    await settle(first, fail(failed));
    const retried = await startTask(first, { queue: 'c' });
    await settle(first, fail(retried));
    const [waiting] = await addTasks(first, { queue: 'a' });
    const before = {
      tasks: await first.listTasks({}, null, 10),
      results: await first.readResults(0, 10),
      bounds: await first.resultBounds(),
      counts: await first.countQueues(),
    };
    await first.close();

    const second = await open();
    assert.equal(second.epoch, first.epoch);
    assert.match(second.epoch, /^[a-z0-9]{1,32}$/);
    const after = {
      tasks: await second.listTasks({}, null, 10),
      results: await second.readResults(0, 10),
      bounds: await second.resultBounds(),
      counts: await second.countQueues(),
    };
    assert.deepEqual(after, before);
    const resume = { previousHash: 'one', holding: [nameDelivery(running)] };
    const opened = await openSession(second, { clientId: 'me', resume });
    assert.deepEqual([opened.resumed, opened.held.length], [true, 1]);
    assert.equal((await settle(second, succeed(running))).event!.position, 2);
    const [next] = await addTasks(second, { queue: 'a' });
    const claimed = await claim(second, opened.session, { lanes: [{ queue: 'a', lane: '' }] });
    assert.deepEqual(
      claimed.map((task) => task.id),
      [waiting, next],
    );
  });

  it('lists what an earlier process left behind, until it is resumed or ended', async () => {
    const first = await open();
    const a = await startTask(first, { timeoutMs: 5 }, { secretHash: 'a', clientId: 'a', node: 'n1' });
    const b = await startTask(first, {}, { clientId: 'b', isNamed: true, subject: 'client:b' });
    assert.deepEqual(await first.listSessions(), []);
    await first.close();

    const second = await open();
    await openSession(second);
    const held = {
      queue: 'q',
      lane: '',
      attempt: 1,
      isLast: false,
      claimedAt: T0,
      isStarted: null,
      cancelReason: null,
    };
    const left = [
      {
        session: a.session,
        clientId: 'a',
        subject: '',
        isNamed: false,
        node: 'n1',
        held: [{ ...nameDelivery(a), ...held, timeoutMs: 5 }],
      },
      {
        session: b.session,
        clientId: 'b',
        subject: 'client:b',
        isNamed: true,
        node: 'test',
        held: [{ ...nameDelivery(b), ...held, timeoutMs: 0 }],
      },
    ];
    assert.deepEqual(await second.listSessions(), left);
    await openSession(second, { clientId: 'a', resume: { previousHash: 'a', holding: [] } });
    assert.deepEqual(await second.listSessions(), [left[1]]);
    await second.endSession(b.session, 'all', T0);
    assert.deepEqual(await second.listSessions(), []);
  });

  it('never gives a position, a session key or a place in the queue twice', async () => {
    const first = await open();
    const run = await startTask(first);
    await settle(first, succeed(run));
    await first.deleteTasks([run.taskId]);
    const [old] = await addTasks(first, {});
    await first.endSession(run.session, [], T0);
    await first.close();

    const second = await open();
    const again = await startTask(second);
    assert.equal(again.taskId, old);
    assert(again.session.key > run.session.key);
    assert.equal((await settle(second, succeed(again))).event!.position, 2);
  });

  it('answers only after the commit: any reader of the file sees it by then', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const reader = new DatabaseSync(file, { readOnly: true });
    const count = (table: string): number =>
      (reader.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
    const task = createTask();
    assert.equal(await store.insertTasks([task], T0).then(() => count('task')), 1);
    assert.equal(await claim(store, session).then(() => count('claim')), 1);
    const run = { taskId: task.id, delivery: 1 };
    assert.equal(await store.settleTasks([succeed(run)], T0).then(() => count('result')), 1);
    reader.close();
  });

  it('keeps what was acknowledged when the process is killed', async () => {
    const child = runProgram(`
      const store = await openStore(process.argv[1], { node: 'n' });
      await store.insertTasks([${JSON.stringify(createTask({ id: '01890000-0000-7000-8000-000000000000', payload: new Uint8Array(0) }))}]
        .map((task) => ({ ...task, payload: Buffer.from('kept') })), ${T0});
      console.log(store.epoch);
      setInterval(() => {}, 1000);`);
    const epoch = await nextLine(child);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const store = await open();
    assert.equal(store.epoch, epoch);
    assert.equal(Buffer.from((await store.listTasks({}, null, 2))[0]!.payload).toString(), 'kept');
  });

  it('keeps a second server out, naming the first, until that is gone', async () => {
    const child = runProgram(`
      await openStore(process.argv[1], { node: 'n' });
      console.log('open');
      setInterval(() => {}, 1000);`);
    await nextLine(child);
    const expected = new RegExp(`^store: ${file} is in use by process ${child.pid}$`);
    await assertRejects(open(), 'FAILED_PRECONDITION', expected);
    symlinkSync(file, join(folder, 'link.db'));
    await assertRejects(openStore(`sqlite:${join(folder, 'link.db')}`, { node: 'n' }), 'FAILED_PRECONDITION', expected);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await open();
  });

  it('keeps a second store of the same process out too', async () => {
    await open();
    await assertRejects(open(), 'FAILED_PRECONDITION', new RegExp(`in use by process ${process.pid}$`));
    await stores[0]!.close();
    await open();
  });

  it('creates files for their owner alone, and leaves no pid behind', async () => {
    const store = await open();
    await addTasks(store, {});
    for (const suffix of ['', '-wal', '-shm', '.lock', '.pid']) {
      assert.equal(statSync(file + suffix).mode & 0o777, 0o600, `contact.db${suffix}`);
    }
    assert.equal(readFileSync(`${file}.pid`, 'utf8').trim(), String(process.pid));
    await store.close();
    assert.throws(() => statSync(`${file}.pid`));
  });

  it('refuses a file of a newer version, unchanged', async () => {
    await (await open()).close();
    withDatabase(file, (db) => db.exec('PRAGMA user_version = 99'));
    const before = readFileSync(file);
    await assertRejects(open(), 'FAILED_PRECONDITION', /newer version \(schema 99, this one knows up to \d+\)$/);
    assert.deepEqual(readFileSync(file), before);
  });

  it('refuses a database of another program, and what is none', async () => {
    withDatabase(file, (db) => db.exec('CREATE TABLE theirs (a)'));
    await assertRejects(open(), 'FAILED_PRECONDITION', /a database of another program$/);
    rmSync(file);
    writeFileSync(file, 'not a database at all, but some text that is long enough to be looked at\n'.repeat(20));
    await assertRejects(open(), 'FAILED_PRECONDITION', /is not a database$/);
  });

  it('opens an empty file, and refuses a folder that is not there', async () => {
    writeFileSync(file, '');
    await addTasks(await open(), {});
    const url = `sqlite:${join(folder, 'nowhere', 'contact.db')}`;
    await assertRejects(openStore(url, { node: 'n' }), 'FAILED_PRECONDITION', /^store: .*nowhere/);
  });

  it('refuses new tasks while little disk is free, and takes results', async () => {
    let free = 200;
    const store = await open({ minFreeBytes: 100, freeBytes: () => free });
    const run = await startTask(store);
    await store.close();
    free = 99;
    const full = await open({ minFreeBytes: 100, freeBytes: () => free });
    await assert.rejects(full.insertTasks([createTask()], T0), { code: 'RESOURCE_EXHAUSTED', retryAfterMs: 1_000 });
    assert.equal((await settle(full, succeed(run))).code, 'STORED');
  });

  function runProgram(source: string) {
    const from = JSON.stringify(new URL('../../server/store/open.ts', import.meta.url).href);
    const program = `import { openStore } from ${from};\n${source}`;
    const args = ['--input-type=module-typescript', '--eval', program, `sqlite:${file}`];
    return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  }
});

async function nextLine(child: ReturnType<typeof spawn>): Promise<string> {
  const [line] = await once(createInterface({ input: child.stdout! }), 'line');
  return line as string;
}

function withDatabase(file: string, use: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(file);
  use(db);
  db.close();
}

describe('openStore()', () => {
  it('names the option when the scheme is not one of ours', async () => {
    for (const url of ['', 'sqlite:', 'mysql://x', '/tmp/contact.db']) {
      await assertRejects(openStore(url, { node: 'n' }), 'INVALID_ARGUMENT', /^store: expected sqlite:PATH or memory:/);
    }
  });

  it('starts memory: empty each time', async () => {
    const [a, b] = [await openStore('memory:', { node: 'n' }), await openStore('memory:', { node: 'n' })];
    await addTasks(a, {});
    assert.deepEqual(await b.listTasks({}, null, 10), []);
    assert.notEqual(a.epoch, b.epoch);
    assert.equal(a.capabilities.isDurable, false);
    await a.close();
    await b.close();
  });
});
