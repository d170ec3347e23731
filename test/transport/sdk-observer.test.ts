import assert from 'node:assert/strict';
import { createAdmin, createObserver, createProducer, createWorker } from '../../client/index.ts';
import { TaskState } from '../../gen/contact/v1/task_pb.ts';
import { ResultStart } from '../../gen/contact/v1/task_service_pb.ts';
import { drained } from '../../shared/streams.ts';
import { closeScene, use } from '../scene/end.ts';
import { startProxy } from '../scene/proxy.ts';
import { connectTo, startDurable } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { startStub } from './sdk-stub.ts';

describe('createObserver()', () => {
  afterEach(closeScene);

  async function settle(address: string, count: number): Promise<void> {
    const worker = createWorker({ ...connectTo(address), queues: ['q'], concurrency: 50, handler: (n) => n });
    const producer = createProducer(connectTo(address));
    await Promise.all(Array.from({ length: count }, (_, n) => producer.call('q', n)));
    await worker.drain();
    await producer.close();
  }

  it('replays from the beginning and ends when it has caught up', async () => {
    const server = await startDurable();
    await settle(server.address, 30);
    const observer = use(createObserver<number>(connectTo(server.address)));
    const values: (number | undefined)[] = [];
    for await (const result of observer.results({ from: 'beginning', follow: false })) {
      values.push(result.value());
      assert.equal(result.state, 'succeeded');
      assert.ok(result.claimedAt && result.createdAt <= result.settledAt);
    }
    assert.deepEqual(
      values.toSorted((a, b) => a! - b!),
      Array.from({ length: 30 }, (_, n) => n),
    );
  });

  it('sees each result once and in order, over restarts and cut lines', async () => {
    const server = await startDurable();
    const line = await startProxy(server);
    const observer = use(
      createObserver<number>({ ...connectTo(line.address), keepaliveMs: 200, connectTimeoutMs: 300 }),
    );
    const cursors: string[] = [];
    const ids = new Set<string>();
    const watching = (async () => {
      for await (const result of observer.results({ from: 'beginning', queues: ['q'] })) {
        cursors.push(result.cursor);
        ids.add(result.taskId);
      }
    })();
    await settle(server.address, 40);
    await until('forty', () => ids.size === 40);
    await server.restart();
    await settle(server.address, 40);
    await until('eighty', () => ids.size === 80);
    line.swallow('toServer');
    line.swallow('toClient');
    await settle(server.address, 40);
    line.accept();
    await until('all', () => ids.size === 120);
    assert.equal(cursors.length, 120);
    const positions = cursors.map((cursor) => Number(cursor.split('.')[1]));
    assert.deepEqual(
      positions,
      positions.toSorted((a, b) => a - b),
    );
    await observer.close();
    await watching;
    const later = use(createObserver(connectTo(server.address)));
    const rest: string[] = [];
    for await (const { taskId } of later.results({ from: cursors[49]!, follow: false })) rest.push(taskId);
    assert.deepEqual(rest, [...ids].slice(50));
  });

  it('goes on from where the server was, also when it had no result yet', async () => {
    const asked: [ResultStart, string][] = [];
    const stub = await startStub({
      onWatch({ start, cursor }, call) {
        asked.push([start, cursor]);
        if (asked.length === 1) {
          call.write({ cursor: 'epoch.5' });
          call.emit('error', { code: 14, details: 'gone' });
        } else {
          const event = { taskId: 'a', state: TaskState.SUCCEEDED, cursor: 'epoch.6' };
          call.write({ events: [event], cursor: 'epoch.9' });
          if (asked.length === 2) call.emit('error', { code: 14, details: 'gone' });
          else call.end();
        }
      },
    });
    const observer = use(createObserver(connectTo(stub.address)));
    const cursors: string[] = [];
    for await (const { cursor } of observer.results({ from: 'now', follow: false })) cursors.push(cursor);
    assert.deepEqual(asked, [
      [ResultStart.NOW, ''],
      [ResultStart.UNSPECIFIED, 'epoch.5'],
      [ResultStart.UNSPECIFIED, 'epoch.9'],
    ]);
    assert.deepEqual(cursors, ['epoch.6', 'epoch.6']);
  });

  it('makes the server wait for a slow reader', async () => {
    let written = 0;
    let isStuck = false;
    const result = new Uint8Array(10_000);
    const stub = await startStub({
      async onWatch(_, call) {
        for (; written < 1_500; written += 1) {
          const event = { taskId: `t${written}`, state: TaskState.SUCCEEDED, cursor: `e.${written + 1}`, result };
          if (call.write({ events: [event] })) continue;
          isStuck = true;
          if (!(await drained(call))) return;
          isStuck = false;
        }
        call.end();
      },
    });
    const observer = use(createObserver(connectTo(stub.address)));
    const results = observer.results({ from: 'beginning', follow: false });
    await results.next();
    let before = -1;
    await until('the server waits', () => {
      const isStill = isStuck && before === written;
      before = written;
      return isStill;
    });
    assert.ok(written < 400, `${written} results of 10 kB on their way to a reader that took one`);
    let count = 1;
    for await (const { taskId } of results) assert.equal(taskId, `t${count++}`);
    assert.equal(count, 1_500);
  });

  it('gives the same as an Observable, which lets go when it is left', async () => {
    const server = await startDurable();
    await settle(server.address, 10);
    const observer = use(createObserver<number>(connectTo(server.address)));
    const seen: unknown[] = [];
    await new Promise<void>((resolve, reject) => {
      const subscription = observer.results$({ from: 'beginning' }).subscribe({
        next(result) {
          seen.push(result.value());
          if (seen.length === 10) {
            subscription.unsubscribe();
            resolve();
          }
        },
        error: reject,
      });
    });
    let isComplete = false;
    observer.results$({ from: 'beginning', follow: false }).subscribe({
      complete() {
        isComplete = true;
      },
    });
    await until('complete', () => isComplete);
  });

  it('says what is wrong with a place', async () => {
    const server = await startDurable();
    const observer = use(createObserver(connectTo(server.address)));
    await assert.rejects(observer.results({ from: 'yesterday' }).next(), {
      code: 'INVALID_ARGUMENT',
      message: /cursor/,
    });
    await assert.rejects(observer.results({ from: 'other.5' }).next(), { code: 'OUT_OF_RANGE', message: /^gap: / });
  });

  it('goes on from the oldest kept after a gap, if asked to, and says so', async () => {
    const asked: unknown[] = [];
    const stub = await startStub({
      onWatch({ start, cursor }, call) {
        asked.push([start, cursor]);
        if (asked.length === 2) return void call.emit('error', { code: 14, details: 'gone' });
        if (cursor !== '') return void call.emit('error', { code: 11, details: 'older than retention' });
        const state = TaskState.SUCCEEDED;
        call.write({ events: [{ cursor: 'e.7', taskId: 't7', queue: 'q', state }], cursor: 'e.7' });
        call.end();
      },
    });
    const said: string[] = [];
    const logger = { info: () => {}, warn: (line: string) => said.push(line) };
    const observer = use(createObserver({ ...connectTo(stub.address), logger }));
    const gaps: unknown[] = [];
    const results = observer.results({ from: 'e.1', follow: false, onGap: (gap) => gaps.push(gap) });
    const ids: string[] = [];
    for await (const { taskId } of results) ids.push(taskId);
    assert.deepEqual(ids, ['t7']);
    assert.deepEqual(gaps, [{ after: 'e.1', message: 'older than retention' }]);
    assert.match(said[0]!, /^gap: no way to go on after e.1: .*; going on from the oldest kept$/);
    assert.deepEqual(asked, [
      [ResultStart.UNSPECIFIED, 'e.1'],
      [ResultStart.OLDEST, ''],
      [ResultStart.OLDEST, ''],
    ]);
  });

  it('goes on behind results that were deleted, and says how many they were', async () => {
    const server = await startDurable();
    await settle(server.address, 8);
    const said: string[] = [];
    const logger = { info: () => {}, warn: (line: string) => said.push(line) };
    const observer = use(createObserver({ ...connectTo(server.address), logger }));
    const all: { taskId: string; cursor: string }[] = [];
    for await (const result of observer.results({ from: 'beginning', follow: false })) all.push(result);
    const admin = use(createAdmin(connectTo(server.address)));
    await admin.deleteTasks([2, 3, 5].map((n) => all[n]!.taskId));
    const heard: unknown[] = [];
    const onGap = (gap: unknown): unknown => heard.push(gap);
    for await (const { cursor } of observer.results({ from: 'beginning', follow: false, onGap })) heard.push(cursor);
    const [c1, c2, , , c5, , c7, c8] = all.map(({ cursor }) => cursor);
    const lines = [`2 results were deleted before ${c5}`, `1 result was deleted before ${c7}`];
    assert.deepEqual(heard, [
      c1,
      c2,
      { after: c2, message: lines[0], count: 2 },
      c5,
      { after: c5, message: lines[1], count: 1 },
      c7,
      c8,
    ]);
    assert.deepEqual(said, lines);
    // Without `onGap` it goes on too.
    let count = 0;
    for await (const _ of observer.results({ from: c2!, follow: false })) count += 1;
    assert.equal(count, 3);
    // Of another queue, as far as anybody knows.
    const gaps: unknown[] = [];
    const filtered = {
      queues: ['elsewhere'],
      from: 'beginning',
      follow: false,
      onGap: (gap: unknown) => gaps.push(gap),
    };
    for await (const _ of observer.results(filtered)) count += 1;
    assert.equal(count, 3);
    const message = `3 results were deleted before ${c8}, which the filter may have left out`;
    assert.deepEqual(gaps, [{ after: c1!.replace(/1$/, '0'), message, count: 3, mayBeOthers: true }]);
  });

  it('does not ask for ever when even the oldest is a gap', async () => {
    const stub = await startStub({
      onWatch: (_, call) => void call.emit('error', { code: 11, details: 'nothing is kept' }),
    });
    const observer = use(createObserver(connectTo(stub.address)));
    const next = observer.results({ from: 'beginning', onGap: 'oldest' }).next();
    await assert.rejects(next, {
      code: 'OUT_OF_RANGE',
      message: 'gap: no way to go on after oldest: nothing is kept',
    });
  });

  it('ends quietly at its signal', async () => {
    const server = await startDurable();
    const observer = use(createObserver(connectTo(server.address)));
    const controller = new AbortController();
    const results = observer.results({ signal: controller.signal });
    const next = results.next();
    controller.abort();
    assert.deepEqual(await next, { done: true, value: undefined });
  });
});

describe('createAdmin()', () => {
  afterEach(closeScene);

  it('pages through all tasks', async () => {
    const server = await startDurable();
    const producer = use(createProducer(connectTo(server.address)));
    const admin = use(createAdmin(connectTo(server.address)));
    await Promise.all(Array.from({ length: 25 }, (_, n) => producer.enqueue('q', n)));
    const ids = new Set<string>();
    for await (const { id } of admin.listAllTasks({ states: ['ready'] }, { pageSize: 10 })) ids.add(id);
    assert.equal(ids.size, 25);
  });

  it('wants an address with a port', () => {
    const make = () => createAdmin({ server: 'localhost' });
    assert.throws(make, { code: 'INVALID_ARGUMENT', message: /^server: expected HOST:PORT/ });
  });

  it('says at once that the server is out of reach, and tries afresh the next time', async () => {
    const server = await startDurable();
    const admin = use(createAdmin(connectTo(server.address)));
    await admin.serverInfo();
    await server.stop();
    await assert.rejects(admin.serverInfo(), { code: 'UNAVAILABLE' });
    await assert.rejects(admin.serverInfo(), { code: 'UNAVAILABLE' });
    await server.start();
    assert.equal((await admin.serverInfo()).revision, 1);
  });
});
