import assert from 'node:assert/strict';
import { closeSync, openSync, readSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createGroupCommit, type GroupCommit } from '../../server/store/commit.ts';
import { applySettings, type Database, openDatabase } from '../../server/store/file/database.ts';
import { migrate } from '../../server/store/file/schema.ts';
import { createWalCheckpoints, openWal, type Wal, type WalCheckpoints, walOf } from '../../server/store/file/wal.ts';
import { type Request, rankOf } from '../../server/store/request.ts';
import { createSqliteEngine } from '../../server/store/sqlite/engine.ts';
import { createFolder } from '../scene/folder.ts';
import { createTask, T0 } from '../scene/tasks.ts';
import { until } from '../scene/until.ts';

const PAGE_BYTES = 4_096;

describe('the log of the SQLite store', () => {
  let folder: string;
  let file: string;
  let db: Database;
  let checkpoints: WalCheckpoints;
  const fatal: unknown[] = [];

  beforeEach(() => {
    folder = createFolder();
    file = join(folder, 'contact.db');
    db = openDatabase(file);
    applySettings(db, file);
    migrate(db);
    const onFatal = (error: unknown) => fatal.push(error);
    // Passes one after the other, each of little.
    checkpoints = createWalCheckpoints({ file, passPages: 50, longPages: 200, delayMs: 0, onFatal });
  });

  afterEach(async () => {
    await checkpoints.close();
    db.close();
    rmSync(folder, { recursive: true });
    assert.deepEqual(fatal, []);
  });

  function createCommit(wal: Wal, passes = checkpoints): GroupCommit<Request> {
    const engine = createSqliteEngine(db, { wal, checkpoints: passes });
    return createGroupCommit<Request>({ engine, rankOf, onFatal: (error) => fatal.push(error) });
  }

  function insert(commit: GroupCommit<Request>, bytes = 0): Promise<unknown> {
    const tasks = [createTask({ payload: Buffer.alloc(bytes) })];
    return commit.submit({ kind: 'insert', tasks, now: T0 }, 1, bytes);
  }

  /** A log whose syncs end when they are told to. */
  function createSlowWal() {
    const syncs: PromiseWithResolvers<void>[] = [];
    const wal: Wal = {
      sync: () => {
        const sync = Promise.withResolvers<void>();
        syncs.push(sync);
        return sync.promise;
      },
      close: () => {},
    };
    return { wal, syncs };
  }

  /** Time enough for whatever does not wait. */
  async function settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  }

  function countTasks(): number {
    return db.prepare<{ n: number }>('SELECT count(*) AS n FROM task').get()!.n;
  }

  it('is on disk before anything is answered; the next commit does not wait for it, the one after does', async () => {
    const { wal, syncs } = createSlowWal();
    const commit = createCommit(wal);
    const answered: number[] = [];
    const inserts: Promise<unknown>[] = [];
    const add = async (number: number): Promise<void> => {
      inserts.push(insert(commit).then(() => answered.push(number)));
      await settle();
    };
    for (const number of [1, 2, 3, 4]) await add(number);
    assert.deepEqual([answered, countTasks(), syncs.length], [[], 2, 1]);
    syncs[0]!.resolve();
    await settle();
    // What had to wait is together.
    assert.deepEqual([answered, countTasks(), syncs.length], [[1], 4, 2]);
    syncs[1]!.resolve();
    await settle();
    assert.deepEqual([answered, syncs.length], [[1, 2], 3]);
    const closed = commit.close().then(() => answered.push(0));
    await settle();
    assert.deepEqual(answered, [1, 2]);
    syncs[2]!.resolve();
    await Promise.all([...inserts, closed]);
    assert.deepEqual(answered, [1, 2, 3, 4, 0]);
  });

  it('answers nothing any more once a sync has failed', async () => {
    const { wal, syncs } = createSlowWal();
    const commit = createCommit(wal);
    const inserts: Promise<unknown>[] = [];
    for (let count = 0; count < 3; count += 1) {
      inserts.push(assert.rejects(insert(commit), { code: 'UNAVAILABLE', message: 'store: the disk failed' }));
      await settle();
    }
    const error = new Error('EIO');
    syncs[0]!.reject(error);
    await Promise.all(inserts);
    await assert.rejects(insert(commit), { code: 'UNAVAILABLE' });
    await commit.close();
    assert.deepEqual([fatal.splice(0), syncs.length], [[error], 1]);
  });

  it('waits for the group that goes to disk when the one after it fails for good', async () => {
    const { wal, syncs } = createSlowWal();
    const engine = createSqliteEngine(db, { wal, checkpoints });
    const broken = Object.assign(new Error('disk I/O error'), { errcode: 10 });
    const transact: typeof engine.transact = (requests, size) => {
      if (syncs.length > 0) throw broken;
      return engine.transact(requests, size);
    };
    const onFatal = (error: unknown) => fatal.push(error);
    const commit = createGroupCommit<Request>({ engine: { ...engine, transact }, rankOf, onFatal });
    const ends: string[] = [];
    const first = insert(commit).then(() => ends.push('stored'));
    await settle();
    await assert.rejects(insert(commit), { code: 'UNAVAILABLE', message: 'store: the disk failed' });
    assert.deepEqual(fatal.splice(0), [broken]);
    const read = commit.syncing()!.then(() => ends.push('read'));
    const closed = commit.close().then(() => ends.push('closed'));
    await settle();
    assert.deepEqual(ends, []);
    syncs[0]!.resolve();
    await Promise.all([first, read, closed]);
    assert.deepEqual(ends.toSorted(), ['closed', 'read', 'stored']);
  });

  it('hears what is committed before it is on disk, and what follows from that goes with the next', async () => {
    const { wal, syncs } = createSlowWal();
    const commit = createCommit(wal);
    const heard: unknown[] = [];
    const request: Request = { kind: 'insert', tasks: [createTask()], now: T0 };
    const inserted = commit.submit<unknown>(request, 1, 0, (answer) => heard.push(answer));
    await settle();
    assert.deepEqual([heard.length, syncs.length], [1, 1]);
    assert.ok(commit.syncing());
    syncs[0]!.resolve();
    assert.deepEqual(heard, [await inserted]);
    assert.equal(commit.syncing(), undefined);
    await commit.close();
  });

  /** Drawn anew each time the log begins anew: https://www.sqlite.org/fileformat2.html#the_write_ahead_log */
  function readSalt(): string {
    const salt = Buffer.alloc(8);
    const log = openSync(walOf(file), 'r');
    readSync(log, salt, { position: 16 });
    closeSync(log);
    return salt.toString('hex');
  }

  /** Commits that wait for nothing: a pass that has none wait for it never has copied all of them. */
  const AT_ONCE: Wal = { sync: async () => {}, close: () => {} };

  /** Their thread takes a while. */
  async function startPasses(commit: GroupCommit<Request>): Promise<void> {
    await insert(commit, 60 * PAGE_BYTES);
    await until(() => statSync(file).size > 60 * PAGE_BYTES);
  }

  it('begins anew again and again while commits go on', async () => {
    const commit = createCommit(AT_ONCE);
    await startPasses(commit);
    /** How many commits each beginning of the log was given. */
    const commits = new Map<string, number>();
    for (let count = 0; count < 10_000 && commits.size <= 40; count += 1) {
      await insert(commit, 5 * PAGE_BYTES);
      const salt = readSalt();
      commits.set(salt, (commits.get(salt) ?? 0) + 1);
    }
    assert.equal(commits.size, 41);
    // Each time as soon as before: it would be 40 commits more each time otherwise. A machine that is busy elsewhere lets
    // some of the passes be late.
    const last = [...commits.values()].slice(-11, -1).sort((a, b) => a - b);
    assert.ok(last[5]! < 800, `commits until it began anew: ${[...commits.values()].join(', ')}`);
  });

  it('is not copied into a database that was cut since the pass before: that would fill it up with holes', async () => {
    await insert(createCommit(AT_ONCE), 256 * PAGE_BYTES);
    await until(() => statSync(file).size > 256 * PAGE_BYTES);
    // Ends once its pass has; the one after it knows what that left.
    await checkpoints.close();
    checkpoints = createWalCheckpoints({ file, passPages: 50, delayMs: 0, onFatal: (error) => fatal.push(error) });
    truncateSync(file, 5 * PAGE_BYTES);
    await insert(createCommit(AT_ONCE), 256 * PAGE_BYTES);
    assert.match(((await until(() => fatal.pop())) as Error).message, /contact\.db was cut from \d+ to 20480 bytes/);
    assert.equal(statSync(file).size, 5 * PAGE_BYTES);
  });

  it('is copied soon when little of it is much to copy', async () => {
    const wal = openWal(file);
    checkpoints = createWalCheckpoints({ file, onFatal: (error) => fatal.push(error) });
    await insert(createCommit(wal), 256 * PAGE_BYTES);
    await until(() => statSync(file).size > 256 * PAGE_BYTES);
    wal.close();
  });

  it('grows while somebody reads an old state, makes nobody wait for that, and begins anew afterwards', async () => {
    const pauses = new Set<Promise<void>>();
    const pause = (): Promise<void> | undefined => {
      const paused = checkpoints.pause();
      if (paused) pauses.add(paused);
      return paused;
    };
    const commit = createCommit(AT_ONCE, { ...checkpoints, pause });
    await startPasses(commit);
    const reader = new DatabaseSync(file);
    reader.exec('BEGIN; SELECT count(*) FROM task');
    let pages = 0;
    for (let count = 0; count < 2_000 && (pages < 2_000 || pauses.size === 0); count += 1) {
      await insert(commit, 10 * PAGE_BYTES);
      pages = statSync(walOf(file)).size / PAGE_BYTES;
    }
    // Each time the log is longer by as much as made it long.
    assert.ok(pauses.size > 0 && pauses.size <= pages / 200 + 2, `${pauses.size} pauses in ${pages} pages`);
    reader.exec('COMMIT');
    reader.close();
    const salt = readSalt();
    for (let count = 0; count < 2_000 && readSalt() === salt; count += 1) await insert(commit, 10 * PAGE_BYTES);
    assert.notEqual(readSalt(), salt);
  });
});
