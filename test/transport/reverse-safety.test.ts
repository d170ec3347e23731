import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { createWorker } from '../../client/index.ts';
import { AdminService } from '../../gen/index.ts';
import { newSessionId } from '../../shared/ids.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { createCaller, startCallee } from '../scene/callers.ts';
import { ask, connect } from '../scene/clients.ts';
import { createEcho } from '../scene/echo.ts';
import { closeScene, useWorker } from '../scene/end.ts';
import { openServe } from '../scene/rawcallee.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

const { method } = AdminService;
const UNARY = 'echo.Echo/Unary';
const SERVED = { methods: [UNARY] };

describe('a Serve under an id that is taken', () => {
  afterEach(closeScene);

  for (const [what, sessionId] of [
    ['another session', newSessionId()],
    ['none', undefined],
  ] as const) {
    it(`is refused with ${what}, and the one before goes on`, async () => {
      const { address } = await startScene();
      const before = await openServe(address, 'raw', SERVED, newSessionId());
      const thief = await openServe(address, 'raw', SERVED, sessionId);
      assert.match(await thief.ended, /^ALREADY_EXISTS SESSION contact-session: raw serves over another stream/);
      const reply = createCaller(address).unary('x');
      await until('it is opened', () => before.opened.length === 1);
      before.answer(before.opened[0]!, 'mine');
      assert.deepEqual((await reply).bodies, ['mine']);
    });
  }

  it('is refused also when neither names a session', async () => {
    const { address } = await startScene();
    await openServe(address, 'raw', SERVED);
    assert.match(await (await openServe(address, 'raw', SERVED)).ended, /^ALREADY_EXISTS SESSION/);
  });

  it('takes the place when the one before has gone', async () => {
    const { address } = await startScene();
    const before = await openServe(address, 'raw', SERVED, newSessionId());
    before.cut();
    await before.ended;
    const reply = createCaller(address).unary('x', { metadata: { 'contact-wait': '20s' } });
    const after = await openServe(address, 'raw', SERVED, newSessionId());
    await until('it is opened', () => after.opened.length === 1);
    after.answer(after.opened[0]!, 'new');
    assert.deepEqual((await reply).bodies, ['new']);
  });

  it('takes it with the session of a GetTask that is open, of this client and of no other', async () => {
    const scene = await startScene();
    const before = await openServe(scene.address, 'raw', SERVED, newSessionId());
    const clients = connect(scene);
    const other = await openWorker(clients, { clientId: 'other', queues: ['q'] });
    const refused = await openServe(scene.address, 'raw', SERVED, other.sessionId);
    assert.match(await refused.ended, /^ALREADY_EXISTS SESSION/);
    const mine = await openWorker(clients, { clientId: 'raw', queues: ['q'] });
    await openServe(scene.address, 'raw', SERVED, mine.sessionId);
    assert.match(await before.ended, /^UNAVAILABLE REPLACED/);
  });
});

describe('a client that serves', () => {
  afterEach(closeScene);

  it('is drained by an operator: no new calls, those that run are finished, until it is resumed', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const callee = await openServe(scene.address, 'raw', SERVED, newSessionId());
    const { unary } = createCaller(scene.address);
    const reply = unary('x');
    await until('it is opened', () => callee.opened.length === 1);
    await ask(clients, method.drainClient, { clientId: 'raw' });
    const refused = await unary('y');
    assert.deepEqual([refused.code, refused.trailers['contact-started']], [status.UNAVAILABLE, ['no']]);
    const waiting = unary('z', { metadata: { 'contact-wait': '60s' } });
    callee.answer(callee.opened[0]!, 'finished');
    assert.deepEqual((await reply).bodies, ['finished']);
    assert.equal(callee.opened.length, 1, 'the place that has become free is not offered');
    await ask(clients, method.resumeClient, { clientId: 'raw' });
    await until('the one that waits is opened', () => callee.opened.length === 2);
    callee.answer(callee.opened[1]!, 'again');
    assert.deepEqual((await waiting).bodies, ['again']);
  });

  it('stays drained when it comes again, and when its server does', async () => {
    const scene = await startScene({ isDurable: true });
    await startCallee(scene.address, createEcho(), { clientId: 'named' });
    await ask(connect(scene), method.drainClient, { clientId: 'named' });
    await scene.restart();
    await until('it has come again', async () =>
      (await ask(connect(scene), method.listClients, {})).clients.some(({ services }) => services.length > 0),
    );
    const { code, trailers } = await createCaller(scene.address).unary('x', {
      metadata: { 'contact-client': 'named', 'contact-wait': '300ms' },
    });
    assert.deepEqual([code, trailers['contact-started']], [status.UNAVAILABLE, ['no']]);
    await ask(connect(scene), method.resumeClient, { clientId: 'named' });
    const back = await createCaller(scene.address).unary('x', { metadata: { 'contact-wait': '20s' } });
    assert.equal(back.code, status.OK);
  });

  it('is shown to operators with what it serves and the calls that run, also when it does nothing else', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const list = async () => (await ask(clients, method.listClients, {})).clients;
    const callee = await openServe(scene.address, 'raw', { ...SERVED, maxCalls: 7, labels: { site: 'berlin' } });
    const worker = await startCallee(scene.address, createEcho(), { clientId: 'worker' });
    void createCaller(scene.address).unary('x', { metadata: { 'contact-client': 'raw' } });
    await until('it is opened', () => callee.opened.length === 1);
    const [raw, other] = await list();
    const { id, connected, ephemeral, labels, services, calls, maxCalls, maxInFlight } = raw!;
    assert.deepEqual([id, connected, ephemeral, labels], ['raw', true, false, { site: 'berlin' }]);
    assert.deepEqual([services, calls, maxCalls, maxInFlight], [['echo.Echo'], 1, 7, 0]);
    assert.deepEqual([other!.id, other!.services, other!.calls, other!.maxInFlight], ['worker', ['echo.Echo'], 0, 1]);
    callee.cut();
    await worker.stop();
    await until('they are away', async () => (await list()).every(({ connected }) => !connected));
    assert.deepEqual(
      (await list()).map(({ id, services }) => [id, services]),
      [
        ['raw', []],
        ['worker', []],
      ],
    );
  });

  it('is disconnected by an operator once, and may come again', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const callee = await openServe(scene.address, 'raw', SERVED);
    assert.equal((await ask(clients, method.disconnectClient, { clientId: 'raw' })).sessions, 1);
    assert.match(await callee.ended, /^UNAVAILABLE OPERATOR/);
    const again = await openServe(scene.address, 'raw', SERVED);
    assert.equal(again.accepted.clientId, 'raw');
    assert.equal((await ask(clients, method.disconnectClient, { clientId: 'nobody' })).sessions, 0);
    await assert.rejects(ask(clients, method.drainClient, { clientId: 'nobody' }));
  });
});

describe('descriptors that a callee announces', () => {
  afterEach(closeScene);

  const describe_ = (methodChange: object = {}) => {
    const [service] = Echo.file.proto.service;
    const method = service!.method.map((one) => (one.name === 'Unary' ? { ...one, ...methodChange } : one));
    const file = { ...Echo.file.proto, service: [{ ...service!, method }] };
    return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] }));
  };

  it('refuse a method that others serve as another kind of RPC, to who comes later', async () => {
    const { address } = await startScene();
    const methods = [UNARY, 'echo.Echo/Down'];
    const first = await openServe(address, 'first', { methods, fileDescriptorSet: describe_() });
    assert.deepEqual([first.accepted.refused, first.accepted.descriptorsRefused], [[], '']);
    const same = await openServe(address, 'same', { methods, fileDescriptorSet: describe_() });
    const odd = { methods, fileDescriptorSet: describe_({ clientStreaming: true }) };
    const other = await openServe(address, 'other', odd);
    assert.deepEqual(
      other.accepted.refused.map(({ method, message }) => [method, message]),
      [[UNARY, 'others serve it as unary, and this one is client_streaming']],
    );
    assert.deepEqual(same.accepted.refused, []);
    first.cut();
    same.cut();
    await Promise.all([first.ended, same.ended]);
    await other.announce(odd);
    assert.deepEqual(other.accepted.refused, []);
  });

  it('have a method that was refused called where it was, without a word, once the others have gone', async () => {
    const scene = await startScene();
    const { address } = scene;
    const methods = [UNARY];
    const first = await openServe(address, 'first', { methods, fileDescriptorSet: describe_() });
    const other = await openServe(address, 'other', {
      methods,
      fileDescriptorSet: describe_({ clientStreaming: true }),
    });
    assert.equal(other.accepted.refused.length, 1);
    const waiting = createCaller(address).unary('x', {
      metadata: { 'contact-client': 'other', 'contact-wait': '20s' },
    });
    await ask(connect(scene), method.disconnectClient, { clientId: 'first' });
    await first.ended;
    await until('it is opened', () => other.opened.length === 1);
    assert.deepEqual([other.accepted.taken, other.accepted.refused], [[UNARY], []]);
    other.answer(other.opened[0]!, 'mine');
    assert.deepEqual((await waiting).bodies, ['mine']);
    const late = await openServe(address, 'late', { methods, fileDescriptorSet: describe_() });
    assert.equal(late.accepted.refused.length, 1, 'now the kind is that of the one that is there');
  });

  it('are taken by a worker that was refused its method at first', async () => {
    const scene = await startScene();
    const { address } = scene;
    const first = { methods: [UNARY], fileDescriptorSet: describe_({ serverStreaming: true }) };
    const callee = await openServe(address, 'first', first);
    const said: string[] = [];
    const logger = { info: (line: string) => void said.push(line), warn: (line: string) => void said.push(line) };
    const worker = await startWorker(address, logger);
    await until('it was told', () => said.some((line) => line.includes(`${UNARY} is not served: others serve it as`)));
    callee.cut();
    await until('it was told', () => said.includes(`${UNARY} is served from now on`));
    const { code } = await createCaller(address).unary('x');
    assert.equal(code, status.OK);
    await worker.stop();
  });

  function startWorker(address: string, logger: { info(line: string): void; warn(line: string): void }) {
    const worker = useWorker(createWorker({ ...connectTo(address), clientId: 'worker', logger }));
    worker.serve(Echo, createEcho());
    return worker;
  }

  it('are refused with a reason when they are none, and the methods are served all the same', async () => {
    const { address } = await startScene();
    const noImport = { file: [{ name: 'a.proto', dependency: ['b.proto'], syntax: 'proto3' }] };
    for (const [bytes, why] of [
      [Buffer.from('nonsense'), /^it is no set of files/],
      [
        toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, noImport)),
        /b\.proto, which a\.proto imports, is not before it/,
      ],
      [Buffer.alloc(262_145), /^262145 bytes, at most 262144 are taken/],
    ] as const) {
      const callee = await openServe(address, 'raw', { ...SERVED, fileDescriptorSet: bytes });
      assert.match(callee.accepted.descriptorsRefused, why);
      assert.deepEqual(callee.accepted.refused, []);
      callee.cut();
      await callee.ended;
    }
  });

  it('are sent by a worker for what it serves', async () => {
    const { address } = await startScene();
    await startCallee(address);
    const odd = { methods: [UNARY], fileDescriptorSet: describe_({ serverStreaming: true }) };
    const other = await openServe(address, 'other', odd);
    assert.match(other.accepted.refused[0]!.message, /^others serve it as unary/);
  });
});
