import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { createWorker } from '../../client/index.ts';
import { AdminService, TaskService } from '../../gen/index.ts';
import { CALL_CASES, fill, readAll } from '../scene/callcases.ts';
import { createCaller, type Reply, serveDirectly, writeCallerMetadata } from '../scene/callers.ts';
import { ask, connect } from '../scene/clients.ts';
import { createEcho, type EchoLog } from '../scene/echo.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { describeEcho, exposeEcho } from '../scene/exposed.ts';
import { createProxy } from '../scene/proxy.ts';
import { openServe } from '../scene/rawcallee.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const DURABLE = { 'contact-mode': 'durable' };
const startedOf = ({ trailers }: Reply): unknown => (trailers['contact-started'] as string[] | undefined)?.[0];

describe('a call of a server that is exposed', () => {
  afterEach(closeScene);

  /** An echo service behind a line of its own, exposed. */
  async function start(log: EchoLog = { aborted: [], readCount: 0 }, handlers = createEcho(log), options = {}) {
    const proxy = use(await createProxy(await serveDirectly(handlers)));
    const { address } = await startScene(options);
    const worker = await exposeEcho(address, proxy.address);
    return { proxy, address, worker, log, ...createCaller(address) };
  }

  /** A count that stays the same over several calls of a neighbour. */
  async function untilStill(count: () => number, neighbour: (body: string) => Promise<Reply>): Promise<void> {
    let before = 0;
    let calls = 0;
    await until('it has come to a halt', async () => {
      calls = count() === before && before > 0 ? calls + 1 : 0;
      before = count();
      assert.equal((await neighbour('a neighbour')).code, status.OK);
      return calls === 20;
    });
  }

  for (const [title, run] of Object.entries(CALL_CASES)) {
    it(`comes to what it comes to directly: ${title}`, async () => {
      const target = await serveDirectly();
      const direct = await run(createCaller(target));
      const { address } = await startScene();
      await exposeEcho(address, target);
      assert.deepEqual(await run(createCaller(address)), direct);
    });
  }

  it('is passed on compressed as its caller has sent it', async () => {
    const { address } = await start();
    const caller = createCaller(address, { 'grpc.default_compression_algorithm': 2 });
    const { code, bodies } = await caller.unary('x'.repeat(900));
    assert.deepEqual([code, bodies], [status.OK, ['x'.repeat(900)]]);
  });

  it('runs beside many others over one connection, without a warning', async () => {
    const { unary, proxy } = await start();
    const warnings: string[] = [];
    const onWarning = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', onWarning);
    const replies = await Promise.all(Array.from({ length: 90 }, (_, at) => unary(`call ${at}`)));
    process.off('warning', onWarning);
    assert.ok(replies.every(({ code, bodies }, at) => code === 0 && bodies[0] === `call ${at}`));
    assert.deepEqual([warnings, proxy.size], [[], 1]);
  });

  it('is cancelled at the target when its caller cancels', async () => {
    const { client, log } = await start();
    const call = client.down({ body: fill(1_000), count: 2 ** 31 });
    call.once('data', () => call.cancel());
    assert.equal((await readAll(call)).code, status.CANCELLED);
    await until('the target knows', () => log.aborted.includes('Down'));
  });

  it('ends at its deadline at the target too', async () => {
    const { unary, log } = await start();
    assert.equal((await unary('!sleep', { deadlineMs: 150 })).code, status.DEADLINE_EXCEEDED);
    await until('the target knows', () => log.aborted.includes('Unary'));
  });

  it('is answered before its caller has said all', async () => {
    const { client } = await start();
    const messages = await new Promise((resolve, reject) => {
      const call = client.up(writeCallerMetadata(), {}, (error, answer) =>
        error ? reject(error) : resolve(answer?.messages),
      );
      call.write({ count: 99 });
    });
    assert.equal(messages, 1);
  });

  it('holds no more than windows for a caller that does not read, and others go on', async () => {
    let sent = 0;
    async function* down() {
      for (; sent < 20_000; sent++) yield { body: fill(10_000) };
    }
    const { address, unary } = await start(undefined, { ...createEcho(), down }, { pingIntervalMs: 10_000 });
    const line = use(await createProxy(address));
    const call = createCaller(line.address).client.down({});
    call.on('error', () => undefined);
    await new Promise((resolve) => call.once('metadata', resolve));
    line.stall('toClient');
    await untilStill(() => sent, unary);
    assert.ok(sent < 10_000, `${sent} of 20000 messages are on their way`);
    call.cancel();
  });

  it('holds no more than windows for a target that does not read', async () => {
    const { client, log, unary } = await start();
    const call = client.chat();
    call.on('error', () => undefined);
    call.write({ body: Buffer.from('!sleep') });
    await until('it runs', () => log.readCount === 1);
    let taken = 0;
    const write = (): void => {
      while (taken < 2_000 && call.write({ body: fill(10_000) })) taken += 1;
      call.once('drain', write);
    };
    write();
    await untilStill(() => taken, unary);
    assert.ok(taken < 1_000, `${taken} of 2000 messages were taken`);
    call.cancel();
  });

  it('leaves nothing open at any end, however calls and the line to the target end', async () => {
    const { proxy, client, unary, worker, address } = await start();
    for (let round = 0; round < 5; round++) {
      const replies = Array.from({ length: 40 }, (_, at) =>
        unary(fill(at * 1_000), { metadata: { 'contact-wait': '10s' } }),
      );
      const streams = Array.from({ length: 10 }, () => client.down({ body: fill(5_000), count: 1_000 }));
      const ended = streams.map((stream) => readAll(stream));
      await Promise.race(replies);
      for (const stream of streams.slice(0, 5)) stream.cancel();
      if (round % 2 === 1) proxy.cut();
      for (const { code } of await Promise.all([...replies, ...ended])) {
        assert.ok(
          [status.OK, status.CANCELLED, status.UNAVAILABLE, status.RESOURCE_EXHAUSTED].includes(code),
          `${code}`,
        );
      }
    }
    const admin = connect({ address });
    await until('no call is open', async () => {
      const { clients } = await ask(admin, AdminService.method.listClients, {});
      return clients[0]!.calls === 0;
    });
    assert.deepEqual((await unary('after all', { metadata: { 'contact-wait': '10s' } })).bodies, ['after all']);
    await worker.drain();
    await until('the target is left', () => proxy.size === 0);
  });

  it('is UNAVAILABLE while the target is away, and says that it has not begun; contact-wait waits for it', async () => {
    const { proxy, unary } = await start();
    proxy.refuse();
    proxy.cut();
    const reply = await unary('x');
    assert.deepEqual([reply.code, startedOf(reply)], [status.UNAVAILABLE, 'no']);
    await until('nobody serves it', async () => /^nobody serves/.test((await unary('x')).details));
    const waiting = unary('later', { metadata: { 'contact-wait': '20s' } });
    proxy.accept();
    assert.deepEqual((await waiting).bodies, ['later']);
  });

  it('says that it may have begun when the target is lost', async () => {
    const { proxy, client, log } = await start();
    const call = client.chat();
    const ended = readAll(call);
    call.write({ body: Buffer.from('!sleep') });
    await until('it runs', () => log.readCount === 1);
    proxy.cut();
    const reply = await ended;
    assert.deepEqual([reply.code, startedOf(reply)], [status.UNAVAILABLE, 'maybe']);
  });

  it('is finished before the worker that was drained ends, and cancelled by one that stops', async () => {
    for (const how of ['drain', 'stop'] as const) {
      const { client, worker } = await start();
      const call = client.chat();
      const ended = readAll(call);
      const first = new Promise((resolve) => call.once('data', resolve));
      call.write({ body: Buffer.from('first') });
      await first;
      const over = worker[how]();
      if (how === 'drain') call.end();
      const { code, bodies } = await ended;
      assert.deepEqual([code, bodies.length], how === 'drain' ? [0, 1] : [status.UNAVAILABLE, 1]);
      await over;
      await closeScene();
    }
  });

  it('is kept until the target is there, when it is durable, and no attempt is burnt', async () => {
    const { proxy, unary, address } = await start();
    assert.deepEqual((await unary('now', { metadata: DURABLE })).bodies, ['now']);
    proxy.refuse();
    proxy.cut();
    await until('nobody serves it', async () => /^nobody serves/.test((await unary('x')).details));
    const kept = await unary('later', { metadata: { ...DURABLE, 'contact-detach': '1', 'contact-key': 'one' } });
    const id = String((kept.headers['contact-task'] as string[])[0]);
    const clients = connect({ address });
    const describe = async () => (await ask(clients, TaskService.method.describeTask, { id })).task!;
    await until('it was given back', async () => (await describe()).delivery > 1);
    proxy.accept();
    const reply = await unary('', { metadata: { ...DURABLE, 'contact-task': id } });
    assert.deepEqual([reply.bodies, (await describe()).attempt], [['later'], 1]);
  });

  it('runs again for codes that pass, when it is durable', async () => {
    let tries = 0;
    const unary = async ({ body }: { body: Uint8Array }) => {
      if (tries++ === 0) throw Object.assign(new Error('busy'), { code: status.UNAVAILABLE });
      return { body };
    };
    const target = await start(undefined, { ...createEcho(), unary });
    assert.deepEqual((await target.unary('again', { metadata: DURABLE })).bodies, ['again']);
    assert.equal(tries, 2);
  });

  it('fails for good with the status of the target, when it is durable', async () => {
    const { unary } = await start();
    const { code, details, trailers } = await unary('!status', { metadata: DURABLE });
    assert.deepEqual([code, details], [status.FAILED_PRECONDITION, 'nö: 100% off\t☺']);
    assert.deepEqual(trailers['grpc-status-details-bin'], [Buffer.from([8, 9, 255])]);
  });
});

describe('worker.expose()', () => {
  afterEach(closeScene);

  async function refusal(options: Partial<Parameters<ReturnType<typeof createWorker>['expose']>[0]>) {
    const { address } = await startScene();
    const worker = useWorker(createWorker(connectTo(address)));
    const to = await serveDirectly();
    return worker.expose({ to, descriptors: describeEcho(), ...options }).then(
      () => 'exposed',
      ({ code, message }) => `${code} ${message}`,
    );
  }

  it('tells what is exposed', async () => {
    const { address } = await startScene();
    const worker = useWorker(createWorker(connectTo(address)));
    const exposed = await worker.expose({ to: await serveDirectly(), descriptors: describeEcho(), maxCalls: 7 });
    const methods = ['Unary', 'Down', 'Up', 'Chat'].map((name) => `echo.Echo/${name}`);
    assert.deepEqual(exposed, { services: [{ name: 'echo.Echo', methods }] });
  });

  it('tells nothing to be exposed that the server has refused', async () => {
    const { address } = await startScene();
    const { file } = fromBinary(FileDescriptorSetSchema, describeEcho());
    for (const { method } of file[0]!.service) method[0]!.clientStreaming = true;
    const fileDescriptorSet = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }));
    await openServe(address, 'other', { methods: ['echo.Echo/Unary'], fileDescriptorSet });
    const worker = useWorker(createWorker(connectTo(address)));
    const { services } = await worker.expose({ to: await serveDirectly(), descriptors: describeEcho() });
    assert.deepEqual(services, [{ name: 'echo.Echo', methods: ['echo.Echo/Down', 'echo.Echo/Up', 'echo.Echo/Chat'] }]);
  });

  it('refuses what cannot be, naming it', async () => {
    assert.match(await refusal({ to: 'nowhere' }), /^INVALID_ARGUMENT to: expected HOST:PORT or unix:PATH/);
    assert.match(await refusal({ descriptors: Buffer.from('no') }), /^INVALID_ARGUMENT descriptors: /);
    assert.match(
      await refusal({ services: ['echo.Other'] }),
      /^NOT_FOUND services: there is no echo.Other; there are: echo.Echo$/,
    );
    assert.match(await refusal({ maxCalls: 0 }), /^INVALID_ARGUMENT maxCalls: /);
    assert.match(
      await refusal({ to: '127.0.0.1:1', deadlineMs: 100 }),
      /^UNAVAILABLE to: could not reach 127.0.0.1:1 within 100 ms: connect ECONNREFUSED/,
    );
  });

  it('is CANCELLED when the worker stops while the target is awaited', async () => {
    const { address } = await startScene();
    const worker = useWorker(createWorker(connectTo(address)));
    const asked = worker.expose({ to: '127.0.0.1:1', descriptors: describeEcho() });
    await Promise.all([assert.rejects(asked, { code: 'CANCELLED' }), worker.stop()]);
  });
});
