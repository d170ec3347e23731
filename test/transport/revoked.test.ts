import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { createWorker, type Worker } from '../../client/index.ts';
import { Role } from '../../gen/index.ts';
import { drawToken } from '../../server/access/token.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { ALL, askAs, type GuardedScene, startGuarded } from '../scene/access.ts';
import { createCaller, type Reply } from '../scene/callers.ts';
import { connect, enqueue } from '../scene/clients.ts';
import { createEcho, type EchoLog } from '../scene/echo.ts';
import { closeScene, useWorker } from '../scene/end.ts';
import { createLogbook } from '../scene/logbook.ts';
import { connectTo } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

const CALLER = { roles: [Role.PRODUCER] };

/** A client that serves the echo service, as whoever has the token. */
async function serveAs(scene: GuardedScene, token: string, log?: EchoLog): Promise<Worker> {
  const worker = useWorker(
    createWorker({ ...connectTo(scene.address), token, queues: ['unused'], handler: () => null, clientId: 'callee' }),
  );
  worker.serve(Echo, createEcho(log));
  await until('it can be called', async () => (await call(scene, scene.operator, '')).code === status.OK);
  return worker;
}

function call({ address }: GuardedScene, token: string, body: string): Promise<Reply> {
  return createCaller(address).unary(body, { metadata: { authorization: `Bearer ${token}`, 'contact-wait': '5s' } });
}

describe('a credential that is revoked', () => {
  afterEach(closeScene);

  it('gives the tasks of a client that is away to others, without waiting for its window', async () => {
    const scene = await startGuarded({ resumeWindowMs: 600_000 });
    const made = await scene.access.token({ roles: [Role.WORKER] });
    const operator = connect(scene, {}, scene.operator);
    const robber = await openWorker(connect(scene, {}, made.text), { clientId: 'robber' });
    const [id] = await enqueue(operator, {});
    await robber.receive(1);
    await robber.cancel();
    const honest = await openWorker(operator, { clientId: 'honest' });
    await scene.access.revoke(made.id);
    const [task] = await honest.receive(1);
    assert.equal(task!.taskId, id);
  });

  it('is not alone in being told to people: so is a registration for what is not its own', async () => {
    const logger = createLogbook();
    const scene = await startGuarded({}, { logger });
    const made = await scene.access.token({ roles: [Role.WORKER], queues: ['mine'] }, { name: 'web' });
    await assert.rejects(openWorker(connect(scene, {}, made.text), { clientId: 'robot', queues: ['other'] }));
    const [line] = logger.lines.filter(({ message }) => message === 'client refused');
    assert.deepEqual([line?.client, line?.principal, line?.code], ['robot', 'token:web', 'PERMISSION_DENIED']);
  });

  it('ends the live calls that are made with it, at the callee too, and no others', async () => {
    const scene = await startGuarded();
    const log = { aborted: [] as string[], readCount: 0 };
    await serveAs(scene, (await scene.access.token({ roles: [Role.WORKER] })).text, log);
    const made = await scene.access.token(CALLER);
    const other = await scene.access.token(CALLER);
    const [ends, stays] = [call(scene, made.text, '!sleep'), call(scene, other.text, '!sleep')];
    let isOver = false;
    void stays.then(() => {
      isOver = true;
    });
    await until('it is being answered', async () => (await call(scene, other.text, 'x')).code === status.OK);
    await scene.access.revoke(made.id);
    const { code, trailers } = await ends;
    assert.deepEqual(
      [code, trailers['contact-reason'], trailers['contact-retry']],
      [status.UNAUTHENTICATED, ['REVOKED'], ['never']],
    );
    await until('its callee hears of it', () => log.aborted.length > 0);
    assert.deepEqual([log.aborted.length, isOver], [1, false]);
    const again = await call(scene, made.text, 'x');
    assert.deepEqual([again.code, again.trailers['contact-reason']], [status.UNAUTHENTICATED, ['REVOKED']]);
  });

  it('ends what was let in by it also when it was rotated before, and nothing of the one in its place', async () => {
    const scene = await startGuarded();
    await serveAs(scene, (await scene.access.token({ roles: [Role.WORKER] })).text);
    const stolen = await scene.access.token(CALLER);
    const theft = call(scene, stolen.text, '!sleep');
    await until('it is being answered', async () => (await call(scene, stolen.text, 'x')).code === status.OK);
    const next = drawToken();
    const secretHash = Buffer.from(next.hash, 'hex');
    await askAs(scene.operator, scene.access.client, 'rotateCredential', { id: stolen.id, newId: next.id, secretHash });
    const honest = call(scene, next.text, '!sleep');
    let isOver = false;
    void honest.then(() => {
      isOver = true;
    });
    await until('it is being answered', async () => (await call(scene, next.text, 'x')).code === status.OK);
    await scene.access.revoke(stolen.id);
    const { code, trailers } = await theft;
    assert.deepEqual([code, trailers['contact-reason']], [status.UNAUTHENTICATED, ['REVOKED']]);
    assert.deepEqual([(await call(scene, next.text, 'x')).code, isOver], [status.OK, false]);
  });

  it('ends with what it made the sessions of clients that its thief let in, and lets nobody make more', async () => {
    const scene = await startGuarded();
    const { client } = scene.access;
    const stolen = await scene.access.token({ roles: [Role.OPERATOR] });
    const gate = drawToken();
    const rights = { roles: [Role.WORKER], ...ALL };
    const drawn = (one: typeof gate) => ({ id: one.id, secretHash: Buffer.from(one.hash, 'hex') });
    await askAs(stolen.text, client, 'createJoin', { ...drawn(gate), name: 'gate', rights });
    const robot = await scene.access.enrol(gate, 'robot');
    const session = await openWorker(connect(scene, {}, robot.text), { clientId: 'robot' });
    const revoke = (withWhatItMade: boolean): Promise<object> =>
      askAs(scene.operator, client, 'revokeCredential', { id: stolen.id, withWhatItMade });
    const { revokedCount, livingCount } = (await revoke(false)) as Record<string, unknown>;
    assert.deepEqual([revokedCount, livingCount], [1, 2]);
    const all = (await revoke(true)) as Record<string, unknown>;
    assert.deepEqual([all.revokedCount, all.livingCount, all.withWhatItMade], [2, 0, true]);
    const { code, metadata } = await session.ended;
    assert.deepEqual([code, metadata.get('contact-reason')], [status.UNAUTHENTICATED, ['REVOKED']]);
    await assert.rejects(scene.access.enrol(gate, 'robot-2'), /revoked/);
  });

  it('ends what a client serves with it, and the client does not come again', async () => {
    const scene = await startGuarded();
    const made = await scene.access.token({ roles: [Role.WORKER] });
    const worker = await serveAs(scene, made.text);
    let reason: string | undefined;
    worker.status$.subscribe(({ error }) => {
      reason = error?.advice?.reason ?? reason;
    });
    const running = call(scene, scene.operator, '!sleep');
    await until('it runs', async () => (await call(scene, scene.operator, 'x')).code === status.OK);
    await scene.access.revoke(made.id);
    assert.equal((await running).code, status.UNAVAILABLE);
    await until('it has stopped', () => reason === 'REVOKED');
    assert.notEqual(
      (await createCaller(scene.address).unary('', { metadata: { authorization: `Bearer ${scene.operator}` } })).code,
      status.OK,
    );
  });
});
