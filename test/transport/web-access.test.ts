import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { join } from 'node:path';
import { Role } from '../../gen/index.ts';
import { drawToken } from '../../server/access/token.ts';
import { ROUTES } from '../../server/web/routes.ts';
import { newTaskId } from '../../shared/ids.ts';
import { EVERY_ROLE, type GuardedScene, type Made, startGuarded } from '../scene/access.ts';
import { ACCESS_ROWS, type AccessRow, ROLE_NAMES, type RoleName } from '../scene/accessrows.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { scrape } from '../scene/metrics.ts';
import { type Scene, startDurable, startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';
import { askWeb, readEvents, sendRaw } from '../scene/web.ts';

const MINE = { queues: ['mine/*'], clients: ['robot-*'] };

function rowOf({ method }: (typeof ROUTES)[number]): AccessRow {
  const rows = ACCESS_ROWS.find(([{ typeName }]) => typeName === method.parent.typeName)![1];
  return rows[method.localName]!;
}

/** A request of a route, about these. */
function requestOf(route: (typeof ROUTES)[number], queue: string, client: string): readonly [string, object] {
  const path = route.path
    .replace('{queue}', encodeURIComponent(queue))
    .replace('{client}', client)
    .replace('{id}', newTaskId())
    .replace('{credential}', drawToken().id);
  const task = { expiresAfterMs: 20, target: { client } };
  const bodies: Readonly<Record<string, object>> = {
    enqueueTasks: route.path === '/v1/tasks' ? { tasks: [{ queue, ...task }] } : task,
    callTask: task,
    cancelTasks: { ids: [newTaskId()] },
    retryTasks: { ids: [newTaskId()] },
    deleteTasks: { ids: [newTaskId()] },
  };
  const body = route.body && (bodies[route.method.localName] ?? {});
  return [path, { verb: route.verb, ...(body && { body }) }];
}

describe('a route of HTTP, for who asks', () => {
  let scene: GuardedScene;
  let tokens: Readonly<Record<RoleName, Made>>;
  let joining: Made;

  before(async () => {
    scene = await startGuarded({ pingIntervalMs: 2_000 });
    const made = ROLE_NAMES.map(async (name) => {
      const roles = [Role[name.toUpperCase() as Uppercase<RoleName>]];
      return [name, await scene.access.token({ roles, ...MINE }, { name })] as const;
    });
    tokens = Object.fromEntries(await Promise.all(made)) as typeof tokens;
    joining = await scene.access.join({}, { uses: 100 });
  });

  after(closeScene);

  for (const route of ROUTES) {
    const { by, queue: foreignQueue } = rowOf(route);
    const isFor = (role: RoleName): boolean =>
      by === 'anybody' || by === 'authenticated' || (by !== 'join' && by.includes(role));

    it(`${route.verb} ${route.path}: ${typeof by === 'string' ? by : by.join(' or ')}, as over gRPC`, async () => {
      for (const role of ROLE_NAMES) {
        const [path, asked] = requestOf(route, 'mine/q', 'robot-1');
        const { status, json } = await askWeb(scene, path, { ...asked, token: tokens[role].text });
        const isRefused = status === 403 && /which this caller has not$/.test(json.error.message);
        assert.equal(isRefused, !isFor(role), `${role}: ${status} ${JSON.stringify(json)}`);
        assert.notEqual(status, 500);
      }
      const [path, asked] = requestOf(route, 'mine/q', 'robot-1');
      for (const token of [undefined, drawToken().text, 'x']) {
        const unknown = await askWeb(scene, path, { ...asked, token });
        assert.deepEqual([unknown.status, unknown.headers['www-authenticate']], [401, 'Bearer']);
      }
      assert.equal((await askWeb(scene, path, { ...asked, token: joining.text })).status, 403);
      const inUrl = await askWeb(scene, `${path}?access_token=${scene.operator}`, asked);
      assert.equal(inUrl.status, 401);
    });

    if (foreignQueue === undefined) continue;
    it(`${route.verb} ${route.path}: nothing of another queue`, async () => {
      for (const role of ROLE_NAMES.filter(isFor)) {
        const [path, asked] = requestOf(route, 'theirs/q', 'robot-1');
        const { status, text } = await askWeb(scene, path, { ...asked, token: tokens[role].text });
        if (foreignQueue === 'PERMISSION_DENIED') assert.equal(status, 403, text);
        assert.ok(!text.includes('"queue":"theirs'), text);
      }
    });
  }

  it('is nothing at all for who is not known, whatever there is at its path, but for the files of the dashboard', async () => {
    for (const path of ['/index', '/v1/nothing', '/v1/../v1/queues', '/metrics']) {
      assert.equal((await askWeb(scene, path)).status, 401, path);
      assert.equal((await askWeb(scene, path, { token: scene.operator })).status, 404, path);
    }
  });

  it('ends for who is revoked, an open stream too', async () => {
    const { id, text } = await scene.access.token({ roles: EVERY_ROLE, ...MINE }, { name: 'short' });
    const reader = await readEvents(scene, '/v1/results', { token: text });
    assert.equal(reader.status, 200);
    await scene.access.revoke(id);
    await until('it has ended', () => reader.isOver);
    assert.deepEqual([reader.events.at(-1)!.event, reader.events.at(-1)!.data.error.reason], ['end', 'REVOKED']);
    const { status, json } = await askWeb(scene, '/v1/queues', { token: text });
    assert.deepEqual([status, json.error.reason], [401, 'REVOKED']);
  });
});

describe('the name and the page by which a request of HTTP comes', () => {
  let scene: Scene;

  before(async () => {
    scene = await startScene({ httpHosts: ['tasks.example.org'], httpOrigins: ['https://board.example.org'] });
  });

  after(closeScene);

  const hosts: readonly (readonly [host: string, status: number])[] = [
    ['127.0.0.1', 200],
    ['127.0.0.1:50051', 200],
    ['[::1]:50051', 200],
    ['localhost:1', 200],
    ['LocalHost.', 200],
    ['app.localhost', 200],
    ['tasks.example.org', 200],
    ['Tasks.Example.org:443', 200],
    ['evil.example', 403],
    ['tasks.example.org.evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['127.0.0.1@evil.example', 403],
    ['[::1].evil.example', 403],
    [':50051', 400],
    ['@', 403],
  ];
  for (const [host, status] of hosts) {
    it(`a host of \`${host}\` is answered with ${status}`, async () => {
      const { status: got, text } = await askWeb(scene, '/v1/queues', { headers: { host } });
      assert.equal(got, status, text);
    });
  }

  const origins: readonly (readonly [origin: string, status: number, allowed: string | undefined])[] = [
    ['https://board.example.org', 200, 'https://board.example.org'],
    ['http://SELF', 200, undefined],
    ['https://evil.example', 403, undefined],
    ['http://board.example.org', 403, undefined],
    ['https://board.example.org.evil.example', 403, undefined],
    ['null', 403, undefined],
    ['http://localhost:3000', 403, undefined],
  ];
  for (const [origin, status, allowed] of origins) {
    it(`a page of \`${origin}\` is answered with ${status}`, async () => {
      const headers = { origin: origin.replace('SELF', scene.address) };
      for (const verb of ['GET', 'POST']) {
        const path = verb === 'GET' ? '/v1/queues' : '/v1/queues/q/tasks';
        const got = await askWeb(scene, path, { verb, headers, ...(verb === 'POST' && { body: {} }) });
        assert.equal(got.status, status === 200 && verb === 'POST' ? 201 : status, got.text);
        assert.equal(got.headers['access-control-allow-origin'], allowed);
      }
      const asked = { verb: 'OPTIONS', headers: { ...headers, 'access-control-request-method': 'POST' } };
      const preflight = await askWeb(scene, '/v1/queues/q/tasks', asked);
      assert.equal(preflight.status === 204, allowed !== undefined);
      assert.equal(preflight.headers['access-control-allow-origin'], allowed);
    });
  }

  it('is there once', async () => {
    const twice = await sendRaw(scene, 'GET /v1/queues HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n');
    assert.match(twice, /^HTTP\/1\.1 400 .*"field":"host"/s);
    const tokens = 'authorization: Bearer a\r\nauthorization: Bearer b\r\n';
    const two = await sendRaw(scene, `GET /v1/queues HTTP/1.1\r\nhost: localhost\r\n${tokens}\r\n`);
    assert.match(two, /^HTTP\/1\.1 400 .*"field":"authorization"/s);
  });
});

describe('a connection of HTTP/1', () => {
  afterEach(closeScene);

  /** A connection that stays open for as long as the server lets it. */
  function hold({ address }: Scene): { readonly socket: net.Socket; isClosed: boolean; heard: string } {
    const [host, port] = address.split(':');
    const held = { socket: net.connect(Number(port), host), isClosed: false, heard: '' };
    atEnd(() => held.socket.destroy());
    held.socket.on('error', () => undefined);
    held.socket.on('data', (piece) => {
      held.heard += piece.toString();
    });
    held.socket.on('close', () => {
      held.isClosed = true;
    });
    return held;
  }
  const ask = (token: string): string =>
    `GET /v1/queues HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`;

  it('over which nobody is let in in time is closed, whatever it has said by then', async () => {
    const scene = await startGuarded({ authenticateWithinMs: 300, pingIntervalMs: 2_000, metrics: '127.0.0.1:0' });
    const silent = hold(scene);
    const begun = hold(scene);
    begun.socket.write('P');
    const slow = hold(scene);
    slow.socket.write('GET /v1/queues HTTP/1.1\r\nhost: localhost\r\n');
    const timer = setInterval(() => slow.socket.write('x-a: b\r\n'), 50);
    atEnd(() => clearInterval(timer));
    const known = hold(scene);
    known.socket.write(ask(scene.operator));
    await until('they are closed', () => silent.isClosed && begun.isClosed && slow.isClosed);
    await never('who was let in is closed', () => known.isClosed, 400);
    assert.match(known.heard, /^HTTP\/1\.1 200 /);
    assert.equal((await scrape(scene)).value('contact_connections_ended_total', { reason: 'unadmitted' }), 3);
  });

  it('without a request for long is closed', async () => {
    const scene = await startGuarded({ maxConnectionIdleMs: 300 });
    const idle = hold(scene);
    idle.socket.write(ask(scene.operator));
    await until('it is closed', () => idle.isClosed);
    assert.match(idle.heard, /^HTTP\/1\.1 200 /);
  });

  it('stays while somebody waits for an answer, although nothing moves', async () => {
    const scene = await startGuarded({ maxConnectionIdleMs: 200, authenticateWithinMs: 200 });
    const waiting = hold(scene);
    const head = `host: localhost\r\nauthorization: Bearer ${scene.operator}\r\ncontent-type: application/json`;
    waiting.socket.write(`POST /v1/queues/q/call?waitMs=2000 HTTP/1.1\r\n${head}\r\ncontent-length: 2\r\n\r\n{}`);
    await until('it is answered', () => waiting.heard.startsWith('HTTP/1.1 504'), 5_000);
  });

  it('counts for its principal, of whom one has so many', async () => {
    const scene = await startGuarded({ maxConnections: 20, maxConnectionsPerPrincipal: 2, pingIntervalMs: 2_000 });
    const { text } = await scene.access.token({ roles: EVERY_ROLE }, { name: 'many' });
    const held = [hold(scene), hold(scene)];
    for (const { socket } of held) socket.write(ask(text));
    await until('they are answered', () => held.every(({ heard }) => heard.startsWith('HTTP/1.1 200')));
    const third = await askWeb(scene, '/v1/queues', { token: text });
    assert.deepEqual([third.status, third.json.error.field], [429, 'connections']);
    assert.equal((await askWeb(scene, '/v1/queues', { token: scene.operator })).status, 200);
  });

  it('is closed after guesses, each answered late', async () => {
    const scene = await startGuarded({ refusalDelayMs: 20, pingIntervalMs: 2_000 });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const from = performance.now();
    for (let n = 0; n < 5; n++) assert.equal((await askWeb(scene, '/v1/queues', { agent, token: 'x' })).status, 401);
    assert.ok(performance.now() - from >= 100);
    await until('it is closed', () => scene.connectionCount === 1);
    agent.destroy();
  });

  it('takes one request after the other, and no other before its answer', async () => {
    const scene = await startScene({ pingIntervalMs: 2_000 });
    const one =
      'POST /v1/queues/q/tasks HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';
    const answers = await sendRaw(scene, one.repeat(3));
    assert.equal(answers.match(/HTTP\/1\.1 201/g)?.length, 1);
    assert.equal((await askWeb(scene, '/v1/tasks/count')).json.total, 1);
  });

  it('speaks TLS where gRPC does, and says plainly that it has to', async () => {
    const scene = await startDurable({ tls: 'auto', auth: 'off', pingIntervalMs: 2_000 });
    const [host, port] = scene.address.split(':');
    const asked = new Promise<number>((resolve, reject) => {
      https
        .get({ host, port, path: '/v1/queues', ca: scene.tls.ca as Buffer, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode!);
        })
        .on('error', reject);
    });
    assert.equal(await asked, 200);
    assert.match(await sendRaw(scene, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'), /400 Bad Request.*speaks TLS/s);
  });

  it('is spoken over a socket file', async () => {
    const path = join(createFolder(), 'a.sock');
    await startScene({ listen: [`unix:${path}`, '127.0.0.1:0'] });
    const status = await new Promise((resolve, reject) => {
      const request = http.get({ socketPath: path, path: '/v1/queues', agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('error', reject);
    });
    assert.equal(status, 200);
  });
});
