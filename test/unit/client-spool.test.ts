import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { create } from '@bufbuild/protobuf';
import { deliveryKey, Outbox, type Report } from '../../client/outbox.ts';
import { openSpool, type Spool } from '../../client/spool.ts';
import { FailedSchema, SucceededSchema } from '../../gen/contact/v1/contact_pb.ts';
import { DeliverySchema } from '../../gen/contact/v1/task_pb.ts';
import { createFakeClock, type FakeClock } from '../scene/clock.ts';
import { createFolder } from '../scene/folder.ts';

function succeeded(taskId: string, bytes = 10): Report {
  const result = new Uint8Array(bytes).fill(7);
  return { kind: 'succeeded', message: create(SucceededSchema, { taskId, delivery: 1, result, contentType: 'x/y' }) };
}

const failed: Report = {
  kind: 'failed',
  message: create(FailedSchema, { taskId: 'f', delivery: 2, error: { message: 'bad', code: 'BAD' } }),
};

const keyOf = (taskId: string): string => deliveryKey({ taskId, delivery: 1 });
const idsOf = ({ reports }: Spool): string[] => reports.map(({ message }) => message.taskId);

describe('openSpool()', () => {
  let folder: string;
  let path: string;
  let said: string[];
  let clock: FakeClock;
  const open: Spool[] = [];

  beforeEach(() => {
    folder = createFolder();
    path = join(folder, 'spool');
    said = [];
    clock = createFakeClock();
  });
  afterEach(() => {
    for (const spool of open.splice(0)) spool.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function spoolAt(at = path, options: { readonly clientId?: string; readonly maxBytes?: number } = {}): Spool {
    const logger = { info: (line: string) => said.push(line), warn: (line: string) => said.push(line) };
    const { clientId, maxBytes } = options;
    const spool = openSpool({ path: at, clientId, maxBytes, clock, logger });
    open.push(spool);
    return spool;
  }

  /** As a process that is killed leaves it. */
  function leave(): string {
    const left = join(folder, 'left');
    copyFileSync(path, left);
    copyFileSync(`${path}-wal`, `${left}-wal`);
    return left;
  }

  it('gives back what was put and not dropped, oldest first, with its session', () => {
    const spool = spoolAt();
    assert.deepEqual([spool.clientId, spool.sessionId, spool.reports], [null, null, []]);
    spool.remember('worker', 'secret');
    const put = [succeeded('c'), succeeded('a'), failed, succeeded('b')];
    for (const report of put) spool.put(report);
    spool.flush();
    spool.drop(keyOf('a'));
    spool.flush();
    const again = spoolAt(leave());
    assert.deepEqual([again.clientId, again.sessionId], ['worker', 'secret']);
    assert.deepEqual(again.reports, [put[0], put[2], put[3]]);
    assert.match(said.join(), /3 results to deliver/);
  });

  it('writes at the end of the turn, and not what is dropped within it', async () => {
    const spool = spoolAt();
    spool.put(succeeded('a'));
    spool.put(succeeded('b'));
    spool.drop(keyOf('a'));
    await new Promise(setImmediate);
    assert.deepEqual(idsOf(spoolAt(leave())), ['b']);
  });

  it('keeps results and failures only: the rest goes back by itself', () => {
    const spool = spoolAt();
    const message = create(DeliverySchema, { taskId: 'r', delivery: 1 });
    spool.put({ kind: 'released', message });
    spool.put({ kind: 'stopped', message });
    spool.close();
    assert.deepEqual(spoolAt().reports, []);
  });

  it('goes on after the last whole write when the end is torn', () => {
    const spool = spoolAt();
    spool.remember('worker', 'secret');
    for (const id of ['a', 'b', 'c']) {
      spool.put(succeeded(id));
      spool.flush();
    }
    const left = leave();
    truncateSync(`${left}-wal`, statSync(`${left}-wal`).size - 100);
    const again = spoolAt(left);
    assert.deepEqual(idsOf(again), ['a', 'b']);
    assert.equal(again.sessionId, 'secret');
  });

  it('leaves out a result that is not what was written', () => {
    const spool = spoolAt();
    for (const id of ['a', 'b']) spool.put(succeeded(id));
    spool.close();
    const db = new DatabaseSync(path);
    db.exec(`UPDATE report SET message = zeroblob(length(message)) WHERE key = '${keyOf('a')}'`);
    db.close();
    assert.deepEqual(idsOf(spoolAt()), ['b']);
    assert.match(said.join(), /the result of a is damaged/);
  });

  it('lets one worker have it', () => {
    const spool = spoolAt();
    assert.throws(() => spoolAt(), { code: 'FAILED_PRECONDITION', message: /^spool: .* is in use by another worker$/ });
    spool.put(succeeded('a'));
    spool.close();
    assert.deepEqual(idsOf(spoolAt()), ['a']);
  });

  it('does not deliver the results of another client', () => {
    const spool = spoolAt();
    spool.remember('one', 'secret');
    spool.put(succeeded('a'));
    spool.close();
    assert.throws(() => spoolAt(path, { clientId: 'two' }), /has results of client one, and this worker is two/);
    const again = spoolAt(path, { clientId: 'one' });
    assert.deepEqual(idsOf(again), ['a']);
    again.drop(keyOf('a'));
    again.close();
    const other = spoolAt(path, { clientId: 'two' });
    assert.deepEqual([other.clientId, other.sessionId], [null, null]);
  });

  it('does no harm to a file that is none of its own', () => {
    writeFileSync(path, 'precious words of somebody else, long enough to be looked at as a header of a database file');
    const before = readFileSync(path);
    assert.throws(() => spoolAt(), { code: 'FAILED_PRECONDITION', message: /is no spool file$/ });
    assert.deepEqual(readFileSync(path), before);
    const database = join(folder, 'database');
    const db = new DatabaseSync(database);
    db.exec('CREATE TABLE t (x)');
    db.close();
    const bytes = readFileSync(database);
    assert.throws(() => spoolAt(database), /is no spool file$/);
    assert.deepEqual(readFileSync(database), bytes);
    assert.throws(() => spoolAt(join(folder, 'no', 'where')), { code: 'INVALID_ARGUMENT', message: /^spool: ENOENT/ });
  });

  it('says that a file is damaged', () => {
    const spool = spoolAt();
    for (let n = 0; n < 100; n += 1) spool.put(succeeded(`t${n}`, 1_000));
    spool.close();
    const bytes = readFileSync(path);
    bytes.fill(0xff, 4_096);
    writeFileSync(path, bytes);
    assert.throws(() => spoolAt(), { code: 'FAILED_PRECONDITION', message: /is damaged; move it away/ });
  });

  it('is for its user alone', () => {
    spoolAt().put(succeeded('a'));
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it('keeps in memory what is beyond its room, and takes it in when there is some', () => {
    const spool = spoolAt(path, { maxBytes: 2_500 });
    for (const id of ['a', 'b', 'c']) spool.put(succeeded(id, 1_000));
    spool.flush();
    assert.match(said.join(), /2500 bytes are full/);
    assert.deepEqual(idsOf(spoolAt(leave())), ['a', 'b']);
    spool.drop(keyOf('a'));
    spool.flush();
    assert.match(said.join(), /has room again/);
    spool.close();
    assert.deepEqual(idsOf(spoolAt()), ['b', 'c']);
  });

  it('becomes small again when everything is acknowledged, and does not grow with what has passed', () => {
    const spool = spoolAt();
    for (let round = 0; round < 20; round += 1) {
      for (let n = 0; n < 4; n += 1) spool.put(succeeded(`t${n}`, 256 * 1_024));
      spool.flush();
      for (let n = 0; n < 4; n += 1) spool.drop(keyOf(`t${n}`));
      spool.flush();
    }
    const size = statSync(path).size + statSync(`${path}-wal`).size;
    assert.ok(size < 64 * 1_024, `${size} bytes`);
    assert.ok(statSync(path).size > 0);
  });

  it('has what an outbox has', () => {
    const outbox = new Outbox(clock, () => {}, spoolAt());
    for (const id of ['a', 'b', 'c']) outbox.put(succeeded(id));
    outbox.drop(keyOf('b'));
    outbox.clear();
    open.splice(0)[0]!.close();
    assert.deepEqual(idsOf(spoolAt()), ['a', 'c']);
  });
});
