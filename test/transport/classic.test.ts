import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { type classic, TaskState } from '../../gen/index.ts';
import { openGetTask, openTellResult, resultOf, text, writeMetadata } from '../scene/classic.ts';
import { connect, describeTask, enqueue } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startProxy } from '../scene/proxy.ts';
import { startScene } from '../scene/server.ts';
import { never } from '../scene/until.ts';
import { openWorker, statusOf } from '../scene/worker.ts';

describe('the classic contract', () => {
  afterEach(closeScene);

  it('pairs tasks and results by connection', async () => {
    const scene = await startScene();
    const operator = connect(scene);
    const texts = Array.from({ length: 40 }, (_, n) => `task ${n} ä`);
    for (const _ of [1, 2]) {
      const own = connect(scene);
      const results = openTellResult(own);
      own.classic
        .getTask({})
        .on('error', () => undefined)
        .on('data', ({ task }: classic.ServerMsg) => results.tell(`done: ${task}`));
    }
    const ids = await enqueue(operator, ...texts.map(text));
    assert.deepEqual(
      await Promise.all(ids.map((id) => resultOf(operator, id))),
      texts.map((one) => `done: ${one}`),
    );
    assert.equal((await describeTask(operator, ids[0]!)).resultContentType, 'text/plain; charset=utf-8');
  });

  it('pairs by the id of the client, over connections', async () => {
    const scene = await startScene();
    const [one, other, third] = [connect(scene), connect(scene), connect(scene)];
    const [a, b] = await enqueue(one, text('a'), text('b'));
    const mine = openGetTask(one, { 'contact-client': 'mine' });
    await mine.receive(1);
    const yours = openGetTask(one, { 'contact-client': 'yours' });
    await yours.receive(1);
    openTellResult(other, { 'contact-client': 'yours' }).tell('from yours');
    openTellResult(third, { 'contact-client': 'mine' }).tell('from mine');
    assert.deepEqual([mine.texts, yours.texts], [['a'], ['b']]);
    assert.equal(await resultOf(one, a!), 'from mine');
    assert.equal(await resultOf(one, b!), 'from yours');
    assert.equal((await describeTask(one, a!)).clientId, 'mine');
  });

  it('gives one task at a time', async () => {
    const clients = connect(await startScene());
    await enqueue(clients, text('a'), text('b'), text('c'));
    const worker = openGetTask(clients);
    const results = openTellResult(clients);
    for (const [at, value] of ['a', 'b', 'c'].entries()) {
      assert.equal((await worker.receive(at + 1))[at], value);
      await never('a second task', () => worker.texts.length > at + 1, 20);
      results.tell(value);
    }
    assert.equal((await results.end()).code, status.OK);
  });

  it('takes a tellResult that was opened before the getTask', async () => {
    const clients = connect(await startScene());
    const results = openTellResult(clients);
    await new Promise((resolve) => setImmediate(resolve));
    const [id] = await enqueue(clients, text('a'));
    await openGetTask(clients).receive(1);
    results.tell('early bird');
    assert.equal(await resultOf(clients, id!), 'early bird');
  });

  it('lets a second getTask of a client wait for its turn', async () => {
    const clients = connect(await startScene());
    const [a, b] = await enqueue(clients, text('a'), text('b'));
    const first = openGetTask(clients);
    await first.receive(1);
    const second = openGetTask(clients);
    const results = openTellResult(clients);
    await never('a task for the second', () => second.texts.length > 0, 30);
    first.cancel();
    await first.ended;
    // What the first has is held for its result.
    await never('a task for the second', () => second.texts.length > 0, 30);
    results.tell('from the first');
    assert.deepEqual(await second.receive(1), ['b']);
    results.tell('from the second');
    assert.equal(await resultOf(clients, a!), 'from the first');
    assert.equal(await resultOf(clients, b!), 'from the second');
  });

  it('lets 100 getTasks of a client wait, and refuses one more', async () => {
    const clients = connect(await startScene());
    const streams = Array.from({ length: 102 }, () => openGetTask(clients, { 'contact-client': 'eager' }));
    const { code, details } = await Promise.race(streams.map(({ ended }) => ended));
    assert.equal(code, status.RESOURCE_EXHAUSTED);
    assert.equal(details, 'getTask: 100 calls of this client wait already');
  });

  it('takes a result over any stream of the client', async () => {
    const clients = connect(await startScene());
    const [a, b] = await enqueue(clients, text('a'), text('b'));
    const worker = openGetTask(clients);
    await worker.receive(1);
    const one = openTellResult(clients);
    one.tell('1');
    await worker.receive(2);
    assert.equal((await one.end()).code, status.OK);
    openTellResult(clients).tell('2');
    assert.deepEqual([await resultOf(clients, a!), await resultOf(clients, b!)], ['1', '2']);
  });

  it('is told that its result was too large', async () => {
    const clients = connect(await startScene({ maxResultBytes: 100 }));
    const [id] = await enqueue(clients, text('a'), text('b'));
    const worker = openGetTask(clients);
    await worker.receive(1);
    const results = openTellResult(clients);
    results.tell('ä'.repeat(60));
    const { code, details } = await results.ended;
    assert.equal(code, status.RESOURCE_EXHAUSTED);
    assert.match(details, /120 bytes, at most 100/);
    assert.equal((await describeTask(clients, id!)).state, TaskState.FAILED);
    await worker.receive(2);
  });

  it('is done with the loss of the connection too', async () => {
    const scene = await startScene({ resumeWindowMs: 50 });
    const operator = connect(scene);
    await enqueue(operator, text('a'));
    const proxy = await startProxy(scene);
    await openGetTask(connect(proxy)).receive(1);
    const other = await openWorker(operator, { queues: ['default'] });
    proxy.cut();
    await other.receive(1);
  });

  it('refuses a result of a client that holds no task', async () => {
    const clients = connect(await startScene());
    const results = openTellResult(clients);
    results.tell('of what?');
    const end = await results.ended;
    assert.equal(end.code, status.FAILED_PRECONDITION);
    assert.match(end.details, /holds no task/);
  });

  it('settles what is written only for a client that asks for it', async () => {
    const clients = connect(await startScene());
    const ids = await enqueue(clients, ...['a', 'b', 'c'].map(text));
    const worker = openGetTask(clients, { 'contact-settle': 'on-write' });
    assert.deepEqual(await worker.receive(3), ['a', 'b', 'c']);
    for (const id of ids) assert.equal(await resultOf(clients, id), '');
    const results = openTellResult(clients, { 'contact-settle': 'on-write' });
    results.tell('nobody waits for it');
    assert.equal((await results.end()).code, status.OK);
  });

  it('settles what is written when the server is told to', async () => {
    const clients = connect(await startScene({ classicSettleOnWrite: true }));
    await enqueue(clients, text('a'), text('b'));
    await openGetTask(clients).receive(2);
  });

  it('serves another queue when asked to', async () => {
    const clients = connect(await startScene());
    await enqueue(clients, text('other'), { queue: 'mine', payload: Buffer.from('mine') });
    assert.deepEqual(await openGetTask(clients, { 'contact-queue': 'mine' }).receive(1), ['mine']);
  });

  it('refuses what it cannot read', async () => {
    const clients = connect(await startScene());
    for (const pairs of [
      { 'contact-client': 'no blanks' },
      { 'contact-queue': 'no blanks' },
      { 'contact-settle': 'sometime' },
    ]) {
      const name = Object.keys(pairs)[0]!;
      for (const open of [openGetTask, openTellResult]) {
        const end = await open(clients, pairs).ended;
        assert.equal(end.code, status.INVALID_ARGUMENT);
        assert.ok(end.details.startsWith(`${name}: `), end.details);
      }
    }
  });

  it('fails a task that is no text, for good, and goes on', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { queue: 'default', payload: Buffer.from([0xff, 0xfe]) }, text('fine'));
    assert.deepEqual(await openGetTask(clients).receive(1), ['fine']);
    const { state, error } = await describeTask(clients, id!);
    assert.deepEqual([state, error?.code], [TaskState.FAILED, 'NOT_TEXT']);
  });

  it('answers each sendStatus message and ends with the client', async () => {
    const clients = connect(await startScene());
    const stream = clients.classic.sendStatus(writeMetadata());
    const answers: string[] = [];
    stream.on('data', ({ ret }: classic.Result) => answers.push(ret));
    const ended = statusOf(stream);
    for (let n = 0; n < 100; n++) stream.write({ msg: `status ${n}` });
    stream.end();
    assert.equal((await ended).code, status.OK);
    assert.equal(answers.length, 100);
  });
});
