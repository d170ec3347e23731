import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import http2, { type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { AnsweringCall } from '../../server/transport/answering.ts';
import { createCallEnds } from '../../server/transport/call.ts';
import { ContactError } from '../../shared/errors.ts';
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
    const call = Object.assign(new EventEmitter(), { call: { stream }, getPath: () => '/S/m' });
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

  it('logs what it tells nobody, with the method that it came from', async () => {
    const lines: object[] = [];
    const ends = createCallEnds({
      sockets: () => ({}) as never,
      clock: createFakeClock(),
      logger: { ...silentLogger, error: (fields) => void lines.push(fields) },
      patience: { pingIntervalMs: 1_000, slowLineBytesPerSecond: 1_000 },
      stuckSocketMs: STUCK_MS,
      heldBudgetBytes: 1 << 20,
    });
    const bug = new TypeError('what only we know');
    const internal = new ContactError('INTERNAL', 'a result is missing');
    const statuses: { code: number; details: string }[] = [];
    const call = Object.assign(new EventEmitter(), { getPath: () => '/S/stream' });
    call.on('error', (status) => statuses.push(status));
    ends.end(call as unknown as AnsweringCall<never>, 'peer', bug);
    for (const error of [internal, new ContactError('NOT_FOUND', 'no such task')]) {
      const work = (): Promise<never> => Promise.reject(error);
      await new Promise<void>((resolve) => {
        const callback = (status: unknown): void => {
          statuses.push(status as (typeof statuses)[0]);
          resolve();
        };
        ends.answer({ getPath: () => '/S/unary' }, callback, work, () => undefined);
      });
    }
    assert.deepEqual(lines, [
      { err: bug, method: '/S/stream' },
      { err: internal, method: '/S/unary' },
    ]);
    assert.deepEqual(
      statuses.map(({ details }) => details),
      ['internal error', 'a result is missing', 'no such task'],
    );
  });
});
