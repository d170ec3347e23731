import assert from 'node:assert/strict';
import http2 from 'node:http2';
import type net from 'node:net';
import { createAdmin } from '../../client/index.ts';
import { EnrolmentService, health, Role, TaskService } from '../../gen/index.ts';
import { methodPath } from '../../shared/grpc.ts';
import { type GuardedScene, type Made, startGuarded } from '../scene/access.ts';
import { ask, connect } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { flood, speakPings, speakSettings, speakTls } from '../scene/flood.ts';
import { createFolder } from '../scene/folder.ts';
import { frame, open } from '../scene/http2.ts';
import { connectTo } from '../scene/server.ts';
import { openWorker, type RawWorker } from '../scene/worker.ts';

const LIST = methodPath(TaskService.method.listTasks);
const ENROL = methodPath(EnrolmentService.method.enrol);
const WATCH = methodPath(health.Health.method.watch);
const EMPTY = frame(Buffer.alloc(0));

/** Few, so that a flood of three times as many is nothing for the machine. */
const MAX = 20;
const AT_ONCE = 60;
const SOON_MS = 1_000;
const ROUNDS = 5;

/** A call over HTTP/2 that is made again and again, whatever it is answered. */
const calls =
  (path: string, token?: string, everyMs = 1_000) =>
  (socket: net.Socket): void => {
    const session = http2.connect('http://server', { createConnection: () => socket });
    session.on('error', () => undefined);
    const call = (): void => {
      if (session.destroyed || session.closed) clearInterval(timer);
      else open(session, path, token === undefined ? {} : { authorization: `Bearer ${token}` }).end(EMPTY);
    };
    const timer = setInterval(call, everyMs);
    timer.unref();
    call();
  };

async function takesMs(act: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await act();
  return performance.now() - from;
}

describe('A flood of connections', function () {
  this.timeout(60_000);

  afterEach(closeScene);

  let scene: GuardedScene;
  let socketPath: string;
  let worker: RawWorker;
  let good: Made;
  let hasEnded: boolean;

  async function start(options: Parameters<typeof startGuarded>[0] = {}): Promise<void> {
    socketPath = `${createFolder()}/operators.sock`;
    const limits = { maxConnections: MAX, reservedConnections: 4, authenticateWithinMs: 300 };
    scene = await startGuarded({ ...limits, operatorSocket: socketPath, ...options });
  }

  async function openSession(): Promise<void> {
    good = await scene.access.token({ roles: [Role.WORKER, Role.PRODUCER] });
    worker = await openWorker(connect(scene, {}, good.text), { clientId: 'witness' });
    hasEnded = false;
    void worker.ended.then(() => {
      hasEnded = true;
    });
  }

  /** Operators over their socket and a token of others over the port get in by a connection of their own, again and again. */
  async function bearWitness(byPort: () => Promise<unknown>): Promise<void> {
    for (let n = 0; n < ROUNDS; n++) {
      const operator = connect({ address: `unix:${socketPath}` });
      const times = await Promise.all([
        takesMs(() => ask(operator, TaskService.method.listTasks, {})),
        takesMs(byPort),
      ]);
      operator.channel.close();
      assert.ok(Math.max(...times) < SOON_MS, `${times.map(Math.round)} ms`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  const byToken = async (): Promise<void> => {
    const clients = connect(scene, {}, good.text);
    await ask(clients, TaskService.method.listTasks, {});
    clients.channel.close();
  };

  const attacks: Readonly<Record<string, () => ((socket: net.Socket) => void) | undefined>> = {
    'that say nothing keeps nobody out, and ends no session': () => undefined,
    'that send settings and nothing else keeps nobody out, and ends no session': () => speakSettings,
    'that ping for ever keeps nobody out, and ends no session': () => speakPings,
    'that make a call a second which is refused keeps nobody out, and ends no session': () => calls(LIST, 'ct_x'),
    'that make calls without a credential keeps nobody out, and ends no session': () => calls(LIST),
    'that watch the health of the server keeps nobody out, and ends no session': () => calls(WATCH),
  };

  for (const [title, act] of Object.entries(attacks)) {
    it(title, async () => {
      await start();
      await openSession();
      const { port } = scene.listening;
      // From elsewhere as fast as it goes, and from where the witness is too.
      const floods = [
        flood({ port, count: AT_ONCE, from: '127.0.0.2', act: act() }),
        flood({ port, count: AT_ONCE / 2, pauseMs: 300, act: act() }),
      ];
      await bearWitness(byToken);
      assert.ok(floods.every(({ closed }) => closed > AT_ONCE / 2));
      assert.equal(hasEnded, false);
    });
  }

  it('with a join text that is used up keeps nobody out, and ends no session', async () => {
    await start();
    await openSession();
    const join = await scene.access.join({}, { uses: 1 });
    await scene.access.enrol(join, 'robot-1');
    const attack = flood({ port: scene.listening.port, count: AT_ONCE, pauseMs: 300, act: calls(ENROL, join.text) });
    await bearWitness(byToken);
    assert.ok(attack.closed > AT_ONCE);
    assert.equal(hasEnded, false);
  });

  it('with a good token has its share, whether it calls once or for ever, and ends no session', async () => {
    await start();
    await openSession();
    const narrow = await scene.access.token({ roles: [Role.PRODUCER], queues: ['mine'] });
    const attack = flood({
      port: scene.listening.port,
      count: AT_ONCE,
      pauseMs: 300,
      act: calls(LIST, narrow.text, 1e6),
    });
    await bearWitness(byToken);
    assert.ok(attack.closed > AT_ONCE / 2);
    assert.equal(hasEnded, false);
  });

  it('that speak TLS and nothing else keeps nobody out', async () => {
    await start({ tls: 'auto' });
    const operator = createAdmin({ ...connectTo(`unix:${socketPath}`) });
    await operator.serverInfo();
    await operator.close();
    const attack = flood({
      port: scene.listening.port,
      count: AT_ONCE,
      from: '127.0.0.2',
      pauseMs: 100,
      act: speakTls,
    });
    await bearWitness(async () => {
      const admin = createAdmin({ ...connectTo(scene.address), tls: scene.tls, token: scene.operator });
      await admin.serverInfo();
      await admin.close();
    });
    assert.ok(attack.closed > AT_ONCE);
  });
});
