import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import { AdminService } from '../../gen/index.ts';
import { connectionsWithin } from '../../server/config/descriptors.ts';
import { ask, type Clients, connect } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { speakSettings } from '../scene/flood.ts';
import { type Scene, startScene } from '../scene/server.ts';
import { skipLoudly } from '../scene/skip.ts';
import { never, until } from '../scene/until.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
/** A HEADERS frame of stream 1 that says it has 16,000 bytes. */
const ENDLESS_HEADERS = Buffer.from([0, 0x3e, 0x80, 1, 0, 0, 0, 0, 1]);

/** Of a crew that comes back after a restart, say. */
const AT_ONCE = 2_000;

function readBacklog(): number {
  const file = '/proc/sys/net/core/somaxconn';
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
}

describe('connections', () => {
  let scene: Scene;
  let witness: Clients;

  afterEach(closeScene);

  function open(): { readonly socket: net.Socket; isClosed: boolean } {
    const { hostname, port } = new URL(`http://${scene.address}`);
    const client = { socket: net.connect(Number(port), hostname), isClosed: false };
    client.socket.on('error', () => undefined);
    client.socket.on('close', () => {
      client.isClosed = true;
    });
    client.socket.resume();
    atEnd(() => client.socket.destroy());
    return client;
  }

  async function serveWitness(): Promise<void> {
    await ask(witness, AdminService.method.listQueues, {});
  }

  /** Sends `start`, and then a byte every 20 ms for as long as it is let. */
  function dribble(start: Buffer, rest: Buffer): ReturnType<typeof open> {
    const client = open();
    client.socket.write(start);
    let at = 0;
    const timer = setInterval(() => {
      if (client.isClosed) clearInterval(timer);
      else client.socket.write(rest.subarray(at, ++at));
    }, 20);
    atEnd(() => clearInterval(timer));
    return client;
  }

  it('are no more than the server takes, and one that closes makes room', async () => {
    scene = await startScene({ maxConnections: 3, pingIntervalMs: 5_000 });
    witness = connect(scene);
    const others = [connect(scene), connect(scene)];
    for (const clients of [witness, ...others]) await ask(clients, AdminService.method.listQueues, {});
    assert.equal(scene.connectionCount, 3);
    const refused = open();
    await until('it is refused', () => refused.isClosed, 5_000);
    await serveWitness();
    others[0]!.channel.close();
    await until('there is room', () => scene.connectionCount === 2);
    const late = http2.connect(`http://${scene.address}`);
    atEnd(() => late.destroy());
    await new Promise((resolve) => late.once('remoteSettings', resolve));
  });

  it('over which no call came give way to one more, the oldest first', async () => {
    scene = await startScene({ maxConnections: 3, pingIntervalMs: 5_000 });
    witness = connect(scene);
    await serveWitness();
    const first = open();
    await until('it is taken', () => scene.connectionCount === 2);
    const second = open();
    await until('it is taken', () => scene.connectionCount === 3);
    const third = open();
    await until('the oldest gives way', () => first.isClosed, 5_000);
    await until('the new one is there', () => scene.connectionCount === 3);
    assert.deepEqual([second.isClosed, third.isClosed], [false, false]);
    await serveWitness();
  });

  it('are all taken when they come at once', async function () {
    if (readBacklog() < AT_ONCE) skipLoudly(this, 'the kernel keeps fewer connections until they are accepted');
    scene = await startScene({ maxConnections: 10_000, pingIntervalMs: 60_000 });
    const clients = Array.from({ length: AT_ONCE }, open);
    let answered = 0;
    for (const { socket } of clients) {
      socket.once('data', () => void ++answered);
      speakSettings(socket);
    }
    await until('the server has spoken on every one', () => answered === AT_ONCE);
    assert.equal(scene.connectionCount, AT_ONCE);
  });

  it('leave descriptors for the store', () => {
    assert.equal(connectionsWithin(1_024), 824);
    assert.equal(connectionsWithin(256), 128);
    assert.equal(connectionsWithin(1_000_000), 10_000);
    assert.equal(connectionsWithin(undefined), 10_000);
  });

  for (const [title, start, rest] of [
    [
      'is closed when its headers come a byte at a time and never end',
      [PREFACE, SETTINGS, ENDLESS_HEADERS],
      Buffer.alloc(16_000, '@'),
    ],
    ['is closed when its preface does not become whole', [], PREFACE.subarray(0, -1)],
  ] as const) {
    it(title, async () => {
      scene = await startScene({ pingIntervalMs: 50, slowLineBytesPerSecond: 1_000_000 });
      witness = connect(scene);
      await serveWitness();
      const idle = http2.connect(`http://${scene.address}`);
      atEnd(() => idle.destroy());
      const client = dribble(Buffer.concat(start), rest);
      await until('it is closed', () => client.isClosed, 5_000);
      await never('an idle one is closed', () => idle.destroyed, 300);
      await serveWitness();
    });
  }
});
