import assert from 'node:assert/strict';
import type { ClientHttp2Session } from 'node:http2';
import net from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { createChannel, IDLE_MS } from '../../client/channel.ts';
import { createProducer } from '../../client/index.ts';
import { AdminService, EnrolmentService, Role, TaskService, WatchResultsRequestSchema } from '../../gen/index.ts';
import { DEFAULTS } from '../../server/options.ts';
import { createClient, methodPath } from '../../shared/grpc.ts';
import { startGuarded } from '../scene/access.ts';
import { ask, connect, refusalOf } from '../scene/clients.ts';
import { atEnd, closeScene, use } from '../scene/end.ts';
import { PING, speakSettings } from '../scene/flood.ts';
import { createFolder } from '../scene/folder.ts';
import { dial, frame, open, type Reply, readEnd } from '../scene/http2.ts';
import { scrape } from '../scene/metrics.ts';
import { connectTo, type Scene, startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';

const LIST = methodPath(TaskService.method.listTasks);
const WATCH = methodPath(TaskService.method.watchResults);
const ENROL = methodPath(EnrolmentService.method.enrol);
const EMPTY = frame(Buffer.alloc(0));
const FOLLOW = frame(toBinary(WatchResultsRequestSchema, create(WatchResultsRequestSchema, { follow: true })));

const headersOf = (token?: string): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

const list = (session: ClientHttp2Session, token?: string): Promise<Reply> =>
  readEnd(open(session, LIST, headersOf(token)).end(EMPTY));

/** A connection by hand that notes how it was told to go. */
function dialIn(scene: { readonly address: string }): { readonly session: ClientHttp2Session; words: string } {
  const one = { session: dial(scene), words: '' };
  one.session.on('goaway', (code, _last, text) => {
    one.words ||= `${code} ${Buffer.from(text ?? []).toString()}`;
  });
  return one;
}

/** A call that stays open; resolves once it is answered something. */
async function follow(session: ClientHttp2Session, token?: string): Promise<() => void> {
  const stream = open(session, WATCH, headersOf(token));
  stream.end(FOLLOW);
  await new Promise((resolve) => stream.once('response', resolve));
  stream.resume();
  return () => stream.close();
}

const told = async (scene: Scene, reason: string): Promise<number> =>
  (await scrape(scene)).value('contact_connections_ended_total', { reason })!;

describe('A connection', () => {
  afterEach(closeScene);

  for (const auth of ['on', 'off'] as const) {
    it(`over which no call is let in in time is ended, and its client told: auth ${auth}`, async () => {
      const scene = await startGuarded({ auth, authenticateWithinMs: 200, metrics: '127.0.0.1:0' });
      const silent = dialIn(scene);
      const known = dialIn(scene);
      assert.equal((await list(known.session, scene.operator || undefined)).code, status.OK);
      await until('it is closed', () => silent.session.destroyed);
      assert.equal(silent.words, '0 no call was let in over this connection in time');
      await never('who has called is closed', () => known.session.destroyed, 400);
      assert.equal(await told(scene, 'unadmitted'), 1);
    });

    it(`without a call for long is ended, and its client comes again with the next: auth ${auth}`, async () => {
      const scene = await startGuarded({ auth, maxConnectionIdleMs: 300, metrics: '127.0.0.1:0' });
      const token = scene.operator || undefined;
      const [idle, busy, watching] = [dialIn(scene), dialIn(scene), dialIn(scene)];
      const stop = await follow(watching.session, token);
      const clients = connect(scene, {}, token);
      assert.equal(await refusalOf(ask(clients, TaskService.method.listTasks, {})), 'OK');
      assert.equal((await list(idle.session, token)).code, status.OK);
      await until('it is closed', async () => {
        assert.equal((await list(busy.session, token)).code, status.OK);
        return idle.session.destroyed;
      });
      assert.match(idle.words, /^0 no call was made over this connection for long/);
      await never('that of a stream is closed', () => watching.session.destroyed || watching.words, 700);
      for (let n = 0; n < 3; n++) {
        assert.equal(await refusalOf(ask(clients, TaskService.method.listTasks, {})), 'OK');
        await until('it is idle', () => clients.channel.getConnectivityState(false) === 0);
      }
      stop();
      await until('it is closed once the stream has ended', () => watching.session.destroyed);
      assert.ok((await told(scene, 'idle')) >= 6);
    });
  }

  it('that is ended as a call is made loses none', async function () {
    this.timeout(30_000);
    const scene = await startGuarded({ maxConnectionIdleMs: 20, metrics: '127.0.0.1:0' });
    const said: string[] = [];
    const tell = (line: string): void => void said.push(line);
    const logger = { info: () => undefined, warn: tell, error: tell };
    const producer = use(createProducer({ ...connectTo(scene.address), token: scene.operator, logger }));
    const clients = connect(scene, {}, scene.operator);
    for (let n = 0; n < 50; n++) {
      // About as long as the server waits, so that some are under way when it ends the connection.
      await new Promise((resolve) => setTimeout(resolve, 15 + (n % 10)));
      const [refusal] = await Promise.all([
        refusalOf(ask(clients, TaskService.method.listTasks, {})),
        producer.enqueue('q', n),
      ]);
      assert.equal(refusal, 'OK', String(n));
    }
    // Of connections nothing is said; that nobody serves the queue is so.
    assert.deepEqual(said, ['no client serves queue q, and none has done a task of it']);
    assert.ok((await told(scene, 'idle')) > 8);
  });

  it('is ended by a client of the SDK before the server does that, so that none of its calls is under way then', async function () {
    this.timeout(30_000);
    assert.ok(IDLE_MS + 60_000 <= DEFAULTS.maxConnectionIdleMs);
    const scene = await startScene();
    const credentials = grpc.credentials.createInsecure();
    const traits = { tls: undefined, credentials, keepaliveMs: 5_000, proxy: null, countsWritten: false };
    const channel = use(createChannel({ server: scene.address, idleMs: 1_000, ...traits }));
    const admin = createClient(AdminService, scene.address, credentials, { channelOverride: channel });
    const call = () => new Promise((resolve) => admin.getServerInfo({}, resolve));
    assert.equal(await call(), null);
    assert.equal(scene.connectionCount, 1);
    await until('it is idle', () => channel.getConnectivityState(false) === grpc.connectivityState.IDLE);
    assert.equal(await call(), null);
    await until('it is closed', () => scene.connectionCount === 0);
  });

  it('that was told to go is closed though its client ends nothing and sends on', async () => {
    const scene = await startScene({ authenticateWithinMs: 100 });
    const { hostname, port } = new URL(`http://${scene.address}`);
    const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    socket.on('error', () => undefined).resume();
    speakSettings(socket);
    const timer = setInterval(() => socket.write(PING), 20);
    atEnd(() => {
      clearInterval(timer);
      socket.destroy();
    });
    await until('it is there', () => scene.connectionCount === 1);
    await until('it is closed', () => scene.connectionCount === 0, 2_000);
  });

  it('of a join counts for nobody, whatever the join is worth', async () => {
    const scene = await startGuarded({ authenticateWithinMs: 300 });
    const join = await scene.access.join({}, { uses: 1 });
    await scene.access.enrol(join, 'robot-1');
    const guest = dialIn(scene);
    await until('it is closed', async () => {
      await readEnd(open(guest.session, ENROL, headersOf(join.text)).end(EMPTY));
      return guest.session.destroyed;
    });
    assert.equal(guest.words, '0 no call was let in over this connection in time');
  });

  it('whose token was revoked or has expired is ended, and none over which another one called', async () => {
    const scene = await startGuarded({ authenticateWithinMs: 300 });
    const [revoked, other] = [await scene.access.token(), await scene.access.token()];
    const expired = await scene.access.token({}, { seconds: 1 });
    const [first, second, mixed, renewed] = [dialIn(scene), dialIn(scene), dialIn(scene), dialIn(scene)];
    await follow(first.session, revoked.text);
    await follow(mixed.session, other.text);
    assert.equal((await list(mixed.session, revoked.text)).code, status.OK);
    assert.equal((await list(second.session, expired.text)).code, status.OK);
    for (const { text } of [revoked, other]) assert.equal((await list(renewed.session, text)).code, status.OK);
    await scene.access.revoke(revoked.id);
    await until('that of the revoked one is closed', () => first.session.destroyed);
    await until('that of the expired one is closed', () => second.session.destroyed);
    await never('another one is closed', () => mixed.session.destroyed || renewed.session.destroyed, 500);
  });
});

describe('Connections of a principal', () => {
  afterEach(closeScene);

  it('are as many as it may have, and one more is refused and ended, while others have theirs', async () => {
    const scene = await startGuarded({ maxConnectionsPerPrincipal: 2, metrics: '127.0.0.1:0' });
    const [web, other] = [await scene.access.token(), await scene.access.token()];
    const taken = [dialIn(scene), dialIn(scene)];
    for (const { session } of taken) assert.equal((await list(session, web.text)).code, status.OK);
    const more = dialIn(scene);
    const { code, message } = await list(more.session, web.text);
    const problem = 'connections: token:t1 has 2, and may have 2 (maxConnectionsPerPrincipal)';
    assert.deepEqual([code, decodeURI(message)], [status.RESOURCE_EXHAUSTED, problem]);
    await until('it is closed', () => more.session.destroyed);
    assert.equal(more.words, '0 there is no place for this connection: come again later');

    // A proxy may carry both.
    const shared = dialIn(scene);
    const stop = await follow(shared.session, other.text);
    assert.equal((await list(shared.session, web.text)).code, status.RESOURCE_EXHAUSTED);
    await never('it is closed', () => shared.session.destroyed || shared.words, 400);
    stop();
    taken[0]!.session.destroy();
    await until('there is a place', async () => (await list(shared.session, web.text)).code === status.OK);
    assert.equal((await list(taken[1]!.session, other.text)).code, status.OK);
    await until('of who called last alone', async () => (await list(dialIn(scene).session, web.text)).code === 0);
    const scraped = await scrape(scene);
    assert.ok(scraped.value('contact_limit_reached_total', { limit: 'connections_per_principal' })! >= 2);
    assert.ok((await told(scene, 'full')) >= 1);
  });
});

describe('Places for connections', () => {
  afterEach(closeScene);

  it('are kept for operators, the last of them for their socket, and given back', async () => {
    const path = `${createFolder()}/operators.sock`;
    const scene = await startGuarded({
      ...{ maxConnections: 12, reservedConnections: 4, maxConnectionsPerPrincipal: 12, operatorSocket: path },
      metrics: '127.0.0.1:0',
    });
    const worker = await scene.access.token({ roles: [Role.WORKER, Role.OBSERVER] });
    const narrow = await scene.access.token({ roles: [Role.OPERATOR], queues: ['one'] });
    // One of them is that over which the tokens were made.
    const taken = Array.from({ length: 7 }, () => dialIn(scene));
    for (const { session } of taken) await follow(session, worker.text);
    const refused = dialIn(scene);
    const reply = await list(refused.session, worker.text);
    assert.equal(reply.code, status.RESOURCE_EXHAUSTED);
    assert.match(decodeURI(reply.message), /^connections: 8 connections have callers, and 8 may where token:t1 is one/);
    await until('it is closed', () => refused.session.destroyed);

    const [first, second] = [dialIn(scene), dialIn(scene)];
    assert.equal((await list(first.session, narrow.text)).code, status.OK);
    assert.equal(
      (await list(second.session, narrow.text)).code,
      status.RESOURCE_EXHAUSTED,
      'one has a place of its own',
    );
    const sockets = Array.from({ length: 3 }, () => connect({ address: `unix:${path}` }));
    for (const clients of sockets) assert.equal(await refusalOf(ask(clients, TaskService.method.listTasks, {})), 'OK');
    assert.equal((await scrape(scene)).value('contact_connections_admitted'), 12);
    assert.equal((await scrape(scene)).value('contact_limit_used', { limit: 'admitted_connections' }), 12);
    assert.equal((await scrape(scene)).value('contact_limit_max', { limit: 'admitted_connections' }), 8);

    for (const clients of sockets) clients.channel.close();
    for (const { session } of taken.slice(0, 5)) session.destroy();
    await until('there is a place', async () => (await list(dialIn(scene).session, worker.text)).code === status.OK);
  });

  it('leave some for others', async () => {
    await assert.rejects(startScene({ maxConnections: 5, reservedConnections: 5 }), {
      code: 'INVALID_ARGUMENT',
      message: 'reservedConnections: expected less than maxConnections, which is 5, got `5`',
    });
  });
});
