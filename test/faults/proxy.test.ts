import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createProxy, type FaultProxy } from '../scene/proxy.ts';
import { until } from '../scene/until.ts';

describe('createProxy()', () => {
  let listener: Server;
  let proxy: FaultProxy;
  let client: Socket;
  let server: Socket;
  let received: { server: string; client: string };
  /** Sockets that were there before the test. */
  let before: number;

  const countSockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

  async function open(): Promise<void> {
    const accepted = once(listener, 'connection');
    const port = Number(proxy.address.split(':')[1]);
    client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    client.on('error', () => undefined);
    client.on('data', (data) => {
      received.client += data;
    });
    [server] = await accepted;
    server.on('error', () => undefined);
    server.on('data', (data) => {
      received.server += data;
    });
  }

  beforeEach(async () => {
    before = countSockets();
    received = { server: '', client: '' };
    listener = createServer({ allowHalfOpen: true });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    proxy = await createProxy(`127.0.0.1:${(listener.address() as AddressInfo).port}`);
    await open();
  });

  afterEach(async () => {
    await proxy.close();
    client.destroy();
    server.destroy();
    listener.close();
    await once(listener, 'close');
  });

  it('carries both ways and counts', async () => {
    client.write('up');
    await until(() => received.server === 'up');
    server.write('down');
    await until(() => received.client === 'down');
    assert.deepEqual([proxy.countBytes('toServer'), proxy.countBytes('toClient'), proxy.size], [2, 4, 1]);
  });

  it('resets both ends when it is cut', async () => {
    proxy.cut();
    await until(() => client.destroyed && server.destroyed && proxy.size === 0);
    await open();
    client.write('again');
    await until(() => received.server === 'again');
  });

  it('leaves no socket of a direction that has ended and that nobody reads when it is cut', async () => {
    server.pause();
    client.write(Buffer.alloc(32 << 20, 'x'));
    await until(() => proxy.countBytes('toServer') > 1 << 20 && client.writableLength > 1 << 20);
    proxy.halfClose('toServer');
    proxy.cut();
    await until(() => client.destroyed);
    server.destroy();
    await until(() => countSockets() === before);
  });

  it('fills the sender of a stalled direction and loses nothing', async () => {
    proxy.stall('toClient');
    const block = Buffer.alloc(1 << 20, 'x');
    for (let size = 0; size < 16; size++) server.write(block);
    client.write('up');
    await until(() => received.server === 'up');
    assert.ok(server.writableLength > 1 << 20);
    proxy.release('toClient');
    await until(() => received.client.length === 16 << 20);
  });

  it('swallows one direction and its end without a word', async () => {
    proxy.swallow('toServer');
    const gone = once(client, 'close');
    client.write('lost');
    client.destroy();
    await gone;
    await until(() => proxy.countBytes('toServer') === 4);
    server.write('still open');
    assert.equal(received.server, '');
    assert.equal(server.readyState, 'open');
  });

  it('delays, in order', async () => {
    proxy.delay('toServer', 30);
    const start = performance.now();
    client.write('one ');
    await until(() => proxy.countBytes('toServer') === 4);
    client.write('two');
    await until(() => received.server === 'one two');
    assert.ok(performance.now() - start >= 29);
  });

  it('throttles', async () => {
    proxy.throttle('toServer', 10);
    const start = performance.now();
    client.write('x'.repeat(500));
    await until(() => received.server.length === 500);
    assert.ok(performance.now() - start >= 44);
  });

  it('closes one half', async () => {
    const ended = once(server, 'end');
    proxy.halfClose('toServer');
    await ended;
    server.write('after the end');
    await until(() => received.client === 'after the end');
  });

  it('refuses until it accepts again', async () => {
    proxy.refuse();
    const port = Number(proxy.address.split(':')[1]);
    const refused = connect({ host: '127.0.0.1', port });
    await once(refused, 'close').catch(() => undefined);
    await until(() => refused.destroyed);
    proxy.accept();
    await open();
    client.write('in');
    await until(() => received.server === 'in');
  });

  it('knows when the server has closed', async () => {
    server.destroy();
    await proxy.serverClosed();
  });
});
