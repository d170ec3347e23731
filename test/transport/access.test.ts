import assert from 'node:assert/strict';
import diagnostics from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import { credentials, status } from '@grpc/grpc-js';
import { AdminService, EnrolmentService, Role, TaskService, WatchResultsRequestSchema } from '../../gen/index.ts';
import { drawToken } from '../../server/access/token.ts';
import { createClient, methodPath } from '../../shared/grpc.ts';
import { askAs, startGuarded } from '../scene/access.ts';
import { createCaller } from '../scene/callers.ts';
import { ask, connect, describeTask, enqueue, refusalOf } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { dial, frame, open, readEnd } from '../scene/http2.ts';
import { never, until } from '../scene/until.ts';
import { closeOf, openWorker, statusOf } from '../scene/worker.ts';

const LIST = methodPath(TaskService.method.listTasks);
const ENQUEUE = methodPath(TaskService.method.enqueueTasks);
const UNKNOWN = `UNAUTHENTICATED this server knows its callers: send a valid credential as authorization: Bearer ct_…`;

/** Sockets that the process accepts from now on. */
function watchSockets(): readonly Socket[] {
  const sockets: Socket[] = [];
  const hear = (message: unknown): void => void sockets.push((message as { readonly socket: Socket }).socket);
  diagnostics.subscribe('net.server.socket', hear);
  atEnd(() => diagnostics.unsubscribe('net.server.socket', hear));
  return sockets;
}

describe('a server that asks who calls', () => {
  afterEach(closeScene);

  it('tells all alike who are not known, and lets in who is', async () => {
    const scene = await startGuarded();
    const { id, text } = await scene.access.token();
    const other = drawToken().text;
    const wrong = [
      undefined,
      'ct_',
      'x',
      other,
      `ct_${id}_${other.slice(-43)}`,
      `${text}x`,
      `ct_${id}_`,
      'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.',
    ];
    for (const token of wrong) {
      const clients = connect(scene, {}, token);
      assert.equal(await refusalOf(ask(clients, TaskService.method.listTasks, {})), UNKNOWN, token);
    }
    const clients = connect(scene, {}, text);
    assert.equal(await refusalOf(ask(clients, TaskService.method.listTasks, {})), 'OK');
    const caller = await askAs<{ principal: string; kind: string }>(text, scene.access.client, 'describeCaller', {});
    assert.deepEqual([caller.principal, caller.kind], ['token:t1', 'token']);
  });

  it('says how and whether to come again, as of every refusal', async () => {
    const scene = await startGuarded();
    const end = await statusOf(connect(scene).tasks.watchTask({ id: 'x' }));
    assert.deepEqual([end.code, closeOf(end)], [status.UNAUTHENTICATED, 'UNAUTHENTICATED never']);
  });

  it("answers probes without a credential, and who asks for a method that is nobody's not", async () => {
    const scene = await startGuarded();
    const clients = connect(scene);
    await new Promise<void>((resolve, reject) =>
      clients.health.check({}, (error) => (error ? reject(error) : resolve())),
    );
    const check = (token: string): Promise<string> =>
      refusalOf(
        new Promise((resolve, reject) =>
          connect(scene, {}, token).health.check({}, (error, answer) => (error ? reject(error) : resolve(answer))),
        ),
      );
    assert.deepEqual([await check(scene.operator), await check('ct_x')], ['OK', UNKNOWN]);
    const reply = await readEnd(open(dial(scene), '/no.Service/Method').end(frame(Buffer.alloc(0))));
    assert.equal(reply.code, status.UNAUTHENTICATED);
    const known = await readEnd(
      open(dial(scene), '/no.Service/Method', { authorization: `Bearer ${scene.operator}` }).end(
        frame(Buffer.alloc(0)),
      ),
    );
    assert.equal(known.code, status.UNIMPLEMENTED);
  });

  it('keeps calls to clients from who is not known, and says nothing of what they serve', async () => {
    const scene = await startGuarded();
    const { code, details } = await createCaller(scene.address).unary('', { metadata: { 'contact-wait': '1s' } });
    assert.deepEqual([code, `UNAUTHENTICATED ${details}`], [status.UNAUTHENTICATED, UNKNOWN]);
  });

  it('is slow to refuse, whatever was wrong', async () => {
    const scene = await startGuarded({ refusalDelayMs: 400 });
    const made = await scene.access.token();
    await scene.access.revoke(made.id);
    for (const token of [undefined, 'x', drawToken().text, made.text]) {
      const clients = connect(scene, {}, token);
      const from = performance.now();
      assert.match(await refusalOf(ask(clients, TaskService.method.listTasks, {})), /^UNAUTHENTICATED/);
      assert.ok(performance.now() - from >= 390, String(token));
    }
  });

  it('names the role that a method is for', async () => {
    const scene = await startGuarded();
    const { text } = await scene.access.token({ roles: [Role.OBSERVER] });
    const clients = connect(scene, {}, text);
    assert.equal(await refusalOf(ask(clients, AdminService.method.listQueues, {})), 'OK');
    assert.equal(
      await refusalOf(ask(clients, TaskService.method.enqueueTasks, {})),
      'PERMISSION_DENIED contact.v1.TaskService/EnqueueTasks is for the role producer or operator, which this caller has not',
    );
  });

  it('reads next to nothing of 20 MB that come without a credential', async () => {
    const scene = await startGuarded();
    const sockets = watchSockets();
    const session = dial(scene);
    const big = Buffer.alloc(20 << 20, 1);
    const stream = open(session, ENQUEUE);
    stream.write(frame(big));
    const { code } = await readEnd(stream);
    assert.equal(code, status.UNAUTHENTICATED);
    // What is on its way in the sockets may still be read.
    await never('2 MB read', () => sockets[0]!.bytesRead > 2e6, 300);
    assert.equal(sockets.length, 1);
  });

  it('reads no more of a client stream without an end', async () => {
    const scene = await startGuarded();
    const sockets = watchSockets();
    const session = dial(scene);
    const stream = open(session, methodPath(TaskService.method.streamEnqueue), { authorization: 'Bearer ct_x' });
    const ended = readEnd(stream);
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    const part = frame(Buffer.alloc(60_000));
    while (!isOver) {
      if (!stream.write(part)) await Promise.race([ended, new Promise((resolve) => stream.once('drain', resolve))]);
    }
    assert.equal((await ended).code, status.UNAUTHENTICATED);
    assert.ok(sockets[0]!.bytesRead < 2e6, `${sockets[0]!.bytesRead} bytes`);
  });

  it('closes a connection that is refused again and again, and none that carries a call that was let in', async () => {
    const scene = await startGuarded();
    const guess = async (session: ReturnType<typeof dial>): Promise<number> =>
      (await readEnd(open(session, LIST, { authorization: 'Bearer ct_x' }).end(frame(Buffer.alloc(0))))).code;
    const bad = dial(scene);
    for (let n = 0; n < 5; n++) assert.equal(await guess(bad), status.UNAUTHENTICATED, String(n));
    await until('it is closed', () => bad.destroyed);

    const shared = dial(scene);
    const watching = open(shared, methodPath(TaskService.method.watchResults), {
      authorization: `Bearer ${scene.operator}`,
    });
    watching.end(frame(toBinary(WatchResultsRequestSchema, create(WatchResultsRequestSchema, { follow: true }))));
    for (let n = 0; n < 8; n++) assert.equal(await guess(shared), status.UNAUTHENTICATED, String(n));
    let isSentAway = false;
    shared.once('goaway', () => {
      isSentAway = true;
    });
    await never('it is closed, or told to take no more', () => shared.destroyed || isSentAway, 400);
  });

  it('closes a connection that never says who it is', async () => {
    const scene = await startGuarded({ authenticateWithinMs: 200 });
    const silent = dial(scene);
    const known = dial(scene);
    const { code } = await readEnd(
      open(known, LIST, { authorization: `Bearer ${scene.operator}` }).end(frame(Buffer.alloc(0))),
    );
    assert.equal(code, status.OK);
    await until('it is closed', () => silent.destroyed);
    await never('who has said it is closed', () => known.destroyed, 300);
  });

  it('ends what runs for a token that is revoked, and gives its tasks to others', async () => {
    const scene = await startGuarded({ resumeWindowMs: 60_000 });
    const made = await scene.access.token({ roles: [Role.WORKER] });
    const operator = connect(scene, {}, scene.operator);
    const robber = await openWorker(connect(scene, {}, made.text), { clientId: 'robber' });
    const [id = ''] = await enqueue(operator, {});
    await robber.receive(1);
    const reader = await scene.access.token({ roles: [Role.OBSERVER] });
    const watching = connect(scene, {}, reader.text).tasks.watchResults({ follow: true });
    const watchEnded = statusOf(watching);
    const from = performance.now();
    await Promise.all([scene.access.revoke(made.id), scene.access.revoke(reader.id)]);
    for (const ended of [robber.ended, robber.statusEnded, watchEnded]) {
      const end = await ended;
      assert.deepEqual([end.code, closeOf(end)], [status.UNAUTHENTICATED, 'REVOKED never']);
    }
    assert.ok(performance.now() - from < 1_000, 'within a second');
    const honest = await openWorker(connect(scene, {}, scene.operator), { clientId: 'honest' });
    const [task] = await honest.receive(1);
    assert.equal(task!.taskId, id);
    assert.match(await refusalOf(ask(connect(scene, {}, made.text), TaskService.method.listTasks, {})), /was revoked/);
  });

  it('ends what runs for a token whose time is over, and gives its tasks to others', async () => {
    const scene = await startGuarded({ resumeWindowMs: 60_000 });
    const made = await scene.access.token({}, { seconds: 1 });
    const operator = connect(scene, {}, scene.operator);
    const worker = await openWorker(connect(scene, {}, made.text), { clientId: 'late' });
    const [id = ''] = await enqueue(operator, {});
    await worker.receive(1);
    const end = await worker.ended;
    assert.deepEqual([end.code, closeOf(end)], [status.UNAUTHENTICATED, 'EXPIRED never']);
    const honest = await openWorker(operator, { clientId: 'honest' });
    const [task] = await honest.receive(1);
    assert.equal(task!.taskId, id);
    assert.match(await refusalOf(ask(connect(scene, {}, made.text), TaskService.method.listTasks, {})), /has expired/);
  });

  it('lets a client in once, however often the answer is lost', async () => {
    const scene = await startGuarded();
    const join = await scene.access.join({ clients: ['robot-*'], queues: ['robots/{client}'] }, { uses: 1 });
    const drawn = drawToken();
    const session = dial(scene);
    const { method } = EnrolmentService;
    const client = createClient(EnrolmentService, scene.address, credentials.createInsecure());
    atEnd(() => client.close());
    const request = { clientId: 'robot-7', id: drawn.id, secretHash: Buffer.from(drawn.hash, 'hex') };
    // An answer that nobody reads.
    const lost = open(session, methodPath(method.enrol), { authorization: `Bearer ${join.text}` });
    await scene.access.enrol(join, 'robot-7', drawn);
    lost.destroy();
    for (let n = 0; n < 3; n++) await scene.access.enrol(join, 'robot-7', drawn);
    const listed = await askAs<{ credentials: { kind: number; principal: string }[] }>(
      scene.operator,
      scene.access.client,
      'listCredentials',
      {},
    );
    assert.equal(listed.credentials.filter(({ principal }) => principal === 'client:robot-7').length, 1);
    assert.match(await refusalOf(scene.access.enrol(join, 'robot-8')), /^RESOURCE_EXHAUSTED/);
    assert.match(await refusalOf(askAs('ct_x', client, 'enrol', request)), /^UNAUTHENTICATED/);
    assert.match(await refusalOf(askAs(scene.operator, client, 'enrol', request)), /^PERMISSION_DENIED .*has a join/);
    // A join opens nothing else.
    assert.match(
      await refusalOf(askAs(join.text, scene.access.client, 'describeCaller', {})),
      /^PERMISSION_DENIED .*has a join/,
    );

    const worker = await openWorker(connect(scene, {}, drawn.text), {
      clientId: 'robot-7',
      queues: ['robots/robot-7'],
    });
    assert.equal(worker.registered.clientId, 'robot-7');
    await assert.rejects(
      openWorker(connect(scene, {}, drawn.text), { clientId: 'robot-8', queues: ['robots/robot-8'] }),
    );
  });

  it('does not let a revoked client in again by the join text that it had', async () => {
    const scene = await startGuarded();
    const join = await scene.access.join({}, { uses: 10 });
    const first = await scene.access.enrol(join, 'robot-7');
    await scene.access.revoke(first.id);
    assert.match(await refusalOf(scene.access.enrol(join, 'robot-7')), /^PERMISSION_DENIED .*revoked/);
    await scene.access.enrol(join, 'robot-8');
  });

  it("is the first operator's when it starts for the first time, and makes no other token", async () => {
    const kept: string[] = [];
    const scene = await startGuarded({ isDurable: true }, { keepOperatorToken: (token) => void kept.push(token) });
    await scene.restart();
    assert.equal(kept.length, 1);
    const clients = connect(scene, {}, kept[0]);
    const [id = ''] = await enqueue(clients, {});
    assert.equal((await describeTask(clients, id)).queue, 'q');
  });
});
