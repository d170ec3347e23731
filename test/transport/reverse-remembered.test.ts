import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { createWorker } from '../../client/index.ts';
import { AdminService } from '../../gen/index.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { createCaller, startCallee } from '../scene/callers.ts';
import { ask, connect } from '../scene/clients.ts';
import { createEcho } from '../scene/echo.ts';
import { closeScene, useWorker } from '../scene/end.ts';
import { describeEcho } from '../scene/exposed.ts';
import { openServe, type RawCallee } from '../scene/rawcallee.ts';
import { connectTo, type Scene, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const { listClients, drainClient, resumeClient, disconnectClient } = AdminService.method;
const UNARY = 'echo.Echo/Unary';
const SERVED = { methods: [UNARY] };
const SESSION = 'a'.repeat(32);

describe('a method that a named client has served', () => {
  afterEach(closeScene);

  /** The client is away, and the server has been told. */
  async function untilAway(scene: Scene, id: string): Promise<void> {
    await until(`${id} is away`, async () => {
      const { clients } = await ask(connect(scene), listClients, {});
      return clients.some((client) => client.id === id && !client.connected);
    });
  }

  it('is UNAVAILABLE while its client is away, also when the server has started anew', async () => {
    const scene = await startScene({ isDurable: true });
    const callee = await openServe(scene.address, 'raw', SERVED);
    callee.cut();
    await untilAway(scene, 'raw');
    await scene.restart();
    const absent = await createCaller(scene.address).unary('x');
    assert.deepEqual([absent.code, absent.details], [status.UNAVAILABLE, `nobody serves ${UNARY} now`]);
    assert.deepEqual([absent.trailers['contact-retry'], absent.trailers['contact-started']], [['backoff'], ['no']]);
  });

  it('is waited for after the server has started anew', async () => {
    const scene = await startScene({ isDurable: true });
    (await openServe(scene.address, 'raw', SERVED)).cut();
    await untilAway(scene, 'raw');
    await scene.restart();
    const waiting = createCaller(scene.address).unary('x', { metadata: { 'contact-wait': '20s' } });
    await startCallee(scene.address);
    assert.equal((await waiting).code, status.OK);
  });

  it('is the one that it served last, also if it drained itself before it went', async () => {
    const scene = await startScene({ isDurable: true });
    const callee = await openServe(scene.address, 'raw', { methods: ['echo.Echo/Old'] });
    await callee.announce(SERVED);
    await callee.announce({ methods: [] });
    callee.cut();
    await untilAway(scene, 'raw');
    await scene.restart();
    const { client, unary } = createCaller(scene.address);
    const asItIs = (bytes: Buffer): Buffer => bytes;
    const old = await new Promise((resolve) => {
      client.makeUnaryRequest('/echo.Echo/Old', asItIs, asItIs, Buffer.alloc(0), (error) => resolve(error?.code));
    });
    assert.deepEqual([(await unary('x')).code, old], [status.UNAVAILABLE, status.UNIMPLEMENTED]);
  });

  it('is not remembered of a client without a name', async () => {
    const scene = await startScene({ isDurable: true });
    (await openServe(scene.address, '', SERVED)).cut();
    const { unary } = createCaller(scene.address);
    await until('it has gone', async () => (await unary('x')).code === status.UNAVAILABLE);
    await scene.restart();
    assert.equal((await createCaller(scene.address).unary('x')).code, status.UNIMPLEMENTED);
  });

  it('is not remembered of a client that drew its name, as a worker of the SDK without an id does', async () => {
    const scene = await startScene({ isDurable: true });
    const { address } = scene;
    const shown = async () => (await ask(connect(scene), listClients, {})).clients;
    const raw = await openServe(address, 'drawn', { ...SERVED, ephemeral: true });
    const worker = useWorker(createWorker(connectTo(address)));
    worker.serve(Echo, createEcho());
    await until(
      'both are there',
      async () => (await shown()).filter(({ services }) => services.length > 0).length === 2,
    );
    assert.deepEqual(new Set((await shown()).map(({ ephemeral }) => ephemeral)), new Set([true]));
    await worker.stop();
    raw.cut();
    await until('both are forgotten', async () => (await shown()).length === 0);
    await scene.restart();
    assert.equal((await createCaller(address).unary('x')).code, status.UNIMPLEMENTED);
  });

  it('is not called at a client that was drained before the server started anew, be it away then', async () => {
    const scene = await startScene({ isDurable: true });
    (await openServe(scene.address, 'raw', SERVED)).cut();
    await untilAway(scene, 'raw');
    await ask(connect(scene), drainClient, { clientId: 'raw' });
    await scene.restart();
    const callee = await openServe(scene.address, 'raw', SERVED);
    const { unary } = createCaller(scene.address);
    assert.equal((await unary('x')).code, status.UNAVAILABLE);
    await ask(connect(scene), resumeClient, { clientId: 'raw' });
    const reply = unary('x');
    await until('it is opened', () => callee.opened.length === 1);
    callee.answer(callee.opened[0]!, 'back');
    assert.deepEqual((await reply).bodies, ['back']);
  });
});

describe('a named client that serves', () => {
  afterEach(closeScene);

  /** What the store knows of one client. */
  function readClient({ storeFile }: Scene, clientId: string) {
    const db = new DatabaseSync(storeFile, { readOnly: true });
    try {
      return db.prepare('SELECT methods, served_until FROM client WHERE client_id = ?').get(clientId);
    } finally {
      db.close();
    }
  }

  /** The store takes it for one that serves, and does not forget it. */
  const isKept = (scene: Scene): boolean => Number(readClient(scene, 'raw')?.served_until) > 0;

  const ways: readonly (readonly [string, (callee: RawCallee, scene: Scene) => unknown])[] = [
    ['goes', ({ cut }) => cut()],
    [
      'goes after it drained itself',
      async ({ announce, cut }) => {
        await announce({ methods: [] });
        cut();
      },
    ],
    ['is disconnected', (_, scene) => ask(connect(scene), disconnectClient, { clientId: 'raw' })],
  ];
  for (const [what, go] of ways) {
    it(`is not forgotten until it ${what}`, async () => {
      const scene = await startScene({ isDurable: true });
      const callee = await openServe(scene.address, 'raw', SERVED);
      await until('it is remembered', () => isKept(scene));
      await go(callee, scene);
      await until('it may be forgotten', () => !isKept(scene));
    });
  }

  it('is remembered by a method that it was refused, once that was handed over to it', async () => {
    const scene = await startScene({ isDurable: true });
    const { file } = fromBinary(FileDescriptorSetSchema, describeEcho());
    const first = await openServe(scene.address, 'first', { ...SERVED, fileDescriptorSet: describeEcho() });
    for (const { method } of file[0]!.service) method[0]!.clientStreaming = true;
    const fileDescriptorSet = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }));
    const second = await openServe(scene.address, 'second', { ...SERVED, fileDescriptorSet });
    assert.equal(second.accepted.refused.length, 1);
    first.cut();
    await until('it is remembered while it serves', () => readClient(scene, 'second')?.methods === `["${UNARY}"]`);
  });

  it('is not forgotten when another stream of it takes the place of the first', async () => {
    const scene = await startScene({ isDurable: true });
    const first = await openServe(scene.address, 'raw', SERVED, SESSION);
    await openServe(scene.address, 'raw', SERVED, SESSION);
    assert.match(await first.ended, /REPLACED/);
    // The store has all that came before these.
    await ask(connect(scene), drainClient, { clientId: 'raw' });
    await ask(connect(scene), resumeClient, { clientId: 'raw' });
    assert.equal(isKept(scene), true);
  });
});
