import assert from 'node:assert/strict';
import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createAdmin,
  createCaller,
  createObserver,
  createProducer,
  createReflection,
  createWorker,
} from '../../client/index.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { recordCalls } from '../scene/asked.ts';
import { createFakeClock } from '../scene/clock.ts';
import { createEcho } from '../scene/echo.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { connectTo, startDurable, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const TOKEN = 'ct_0123456789abcdef_the-secret';

describe('the token of the SDK', () => {
  afterEach(closeScene);

  it('goes with every call of every object', async () => {
    const { address } = await startDurable();
    const calls = recordCalls(address);
    const connection = { ...connectTo(address), token: TOKEN };
    const worker = useWorker(createWorker({ ...connection, clientId: 'w', queues: ['q'], handler: () => 1 }));
    worker.serve(Echo, createEcho());
    await worker.connected();
    const producer = use(createProducer(connection));
    await producer.enqueue('q', 1);
    await producer.call('q', 2);
    const abandoned = { deadlineMs: 50, cancelWhenAbandoned: true };
    await assert.rejects(producer.call('elsewhere', 3, abandoned), { code: 'DEADLINE_EXCEEDED' });
    const observer = use(createObserver(connection));
    for await (const result of observer.results({ from: 'oldest', follow: false })) assert.ok(result.taskId);
    const admin = use(createAdmin(connection));
    const { tasks } = await admin.listTasks();
    for await (const event of admin.watchTask(tasks[0]!.id)) assert.ok(event);
    for await (const piece of admin.backUp()) assert.ok(piece);
    const reflection = use(createReflection(connection));
    assert.ok((await reflection.listServices()).includes('echo.Echo'));
    const caller = use(createCaller({ ...connection, clientId: 'w', waitMs: 5_000 }));
    await caller.stub(Echo).unary({ body: Buffer.from('live') });
    await caller.stub(Echo).unary({ body: Buffer.from('kept') }, { mode: 'durable' });
    await worker.drain();
    const without = calls.filter(({ headers }) => headers.authorization !== `Bearer ${TOKEN}`);
    assert.deepEqual(without, []);
    const methods = new Set(calls.map(({ path }) => path.split('/')[2]));
    for (const name of ['GetTask', 'SendStatus', 'Serve', 'StreamEnqueue', 'CancelTasks', 'WatchResults', 'WatchTask'])
      assert.ok(methods.has(name), name);
    for (const name of ['ListTasks', 'BackUp', 'ServerReflectionInfo', 'Unary']) assert.ok(methods.has(name), name);
  });

  it('is told to nobody in errors', () => {
    for (const token of ['secret\nline', 'secrét', ' secret']) {
      assert.throws(
        () => createAdmin({ ...connectTo('127.0.0.1:9'), token }),
        (error: Error) => error.message.startsWith('token: ') && !error.message.includes(token.slice(0, 5)),
      );
    }
  });
});

describe('tokenFile', () => {
  let file: string;

  beforeEach(() => {
    file = join(createFolder(), 'token');
    writeFileSync(file, 'first\n', { mode: 0o600 });
  });
  afterEach(closeScene);

  it('is read when a connection is made', async () => {
    const scene = await startScene();
    const calls = recordCalls(scene.address);
    const seen = (token: string) => calls.some(({ headers }) => headers.authorization === `Bearer ${token}`);
    const logger = { info: () => undefined, warn: () => undefined };
    const observer = use(createObserver({ ...connectTo(scene.address), tokenFile: file, logger }));
    void observer.results().next();
    await until(() => seen('first'));
    writeFileSync(`${file}.new`, 'second');
    renameSync(`${file}.new`, file);
    await scene.restart();
    await until(() => seen('second'));
  });

  it('is read anew by calls of a connection that stands, once a second', async () => {
    const { address } = await startScene();
    const calls = recordCalls(address);
    const clock = createFakeClock();
    const admin = use(createAdmin({ ...connectTo(address), tokenFile: file, clock }));
    await admin.serverInfo();
    writeFileSync(file, 'the second');
    await admin.serverInfo();
    clock.advance(1_000);
    await admin.serverInfo();
    assert.deepEqual(
      calls.map(({ headers }) => headers.authorization),
      ['Bearer first', 'Bearer first', 'Bearer the second'],
    );
  });

  it('that has gone, or holds no token any more, leaves the one before and says so once', async () => {
    const { address } = await startScene();
    const calls = recordCalls(address);
    const clock = createFakeClock();
    const told: string[] = [];
    const logger = { info: () => undefined, warn: (line: string) => void told.push(line) };
    const admin = use(createAdmin({ ...connectTo(address), tokenFile: file, clock, logger }));
    writeFileSync(file, 'a secret\nof two lines');
    for (let n = 0; n < 3; n++) {
      clock.advance(1_000);
      await admin.serverInfo();
    }
    rmSync(file);
    clock.advance(1_000);
    await admin.serverInfo();
    assert.deepEqual([...new Set(calls.map(({ headers }) => headers.authorization))], ['Bearer first']);
    assert.equal(told.length, 2, told.join('\n'));
    assert.match(told[0]!, /^tokenFile: .*token holds no token: expected one line/);
    assert.match(told[1]!, /^tokenFile: ENOENT/);
    assert.ok(!told.join().includes('secret'));
  });

  it('that others can read is warned of, and only then', () => {
    const told: string[] = [];
    const logger = { info: () => undefined, warn: (line: string) => void told.push(line) };
    const make = () => use(createProducer({ ...connectTo('127.0.0.1:9'), tokenFile: file, logger }));
    make();
    assert.deepEqual(told, []);
    chmodSync(file, 0o640);
    make();
    assert.match(told[0]!, /^tokenFile: others can read .*token \(mode 640\): chmod 600 it$/);
  });

  it('is refused in the caller’s turn when it is not there, is empty, or comes with a token', () => {
    const make = (given: object) => () => createAdmin({ ...connectTo('127.0.0.1:9'), ...given });
    const refused = { code: 'INVALID_ARGUMENT', field: 'tokenFile' };
    assert.throws(make({ tokenFile: `${file}.nosuch` }), refused);
    assert.throws(make({ tokenFile: file, token: TOKEN }), refused);
    assert.throws(make({ tokenFile: 5 }), refused);
    for (const content of ['', '\n', 'x'.repeat(70_000)]) {
      writeFileSync(file, content);
      assert.throws(make({ tokenFile: file }), refused);
    }
  });
});
