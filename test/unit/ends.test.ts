import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import http2, { type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { AnsweringCall } from '../../server/transport/answering.ts';
import { createCallEnds } from '../../server/transport/call.ts';
import { silentLogger } from '../../shared/logger.ts';
import { createFakeClock } from '../scene/clock.ts';

const STUCK_MS = 1_000;

describe('createCallEnds()', () => {
  it('leaves the connection of a stream that has gone by itself before it was reset', async () => {
    const server = http2.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    client.request({ ':path': '/' }).on('error', () => undefined);
    const [stream] = (await once(server, 'stream')) as [ServerHttp2Stream];
    stream.on('error', () => undefined);

    let destroyed = 0;
    const clock = createFakeClock();
    const ends = createCallEnds({
      sockets: () => ({ destroy: () => (destroyed += 1) }) as never,
      clock,
      logger: silentLogger,
      patience: { pingIntervalMs: 1_000, slowLineBytesPerSecond: 1_000 },
      stuckSocketMs: STUCK_MS,
      heldBudgetBytes: 1 << 20,
    });
    const call = Object.assign(new EventEmitter(), { call: { stream } });
    call.on('error', () => undefined);
    ends.end(call as unknown as AnsweringCall<never>, 'peer', new Error('it is over'));
    stream.destroy();
    await once(stream, 'close');
    clock.advance(5 * STUCK_MS);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(destroyed, 0);
    client.destroy();
    server.close();
  });
});
