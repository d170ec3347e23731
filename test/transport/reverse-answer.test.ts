import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createAnswer } from '../../server/transport/answer.ts';
import { silentLogger } from '../../shared/logger.ts';
import { plainEnd } from '../../tunnel/frame.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { dial, open, readEnd } from '../scene/http2.ts';

describe('the answer of a live call', () => {
  afterEach(closeScene);

  /** The codes by which streams were closed, of calls that are answered once their first bytes have come. */
  async function serve(): Promise<{ readonly address: string; readonly closedWith: number[] }> {
    const closedWith: number[] = [];
    const server = createServer();
    server.on('stream', (stream: ServerHttp2Stream) => {
      const { close } = stream;
      stream.close = (code, ...rest) => {
        closedWith.push(code ?? 0);
        close.call(stream, code, ...rest);
      };
      const answer = createAnswer(stream, 'application/grpc', silentLogger);
      const bytes = Buffer.from('b');
      const chunk = { bytes, isFirst: true, isLast: true, messageBytes: 1, isCompressed: false, cost: 33 };
      const reply = (): void => {
        answer.chunk(chunk, () => undefined);
        answer.end(plainEnd(0, 'OK'));
      };
      stream.on('data', (data: Buffer) => {
        if (data.includes('now')) reply();
      });
      stream.on('end', reply);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    atEnd(() => server.close());
    return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, closedWith };
  }

  it('resets no stream whose caller has ended it, since that writes what there is call by call', async () => {
    const { address, closedWith } = await serve();
    const session = dial({ address });
    atEnd(() => session.destroy());
    const call = open(session, '/p.S/M');
    call.end('a');
    assert.equal((await readEnd(call)).code, 0);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(closedWith, []);
  });

  it('resets the stream of a caller that goes on sending, without an error', async () => {
    const { address, closedWith } = await serve();
    const session = dial({ address });
    atEnd(() => session.destroy());
    const call = open(session, '/p.S/M');
    call.write('now');
    assert.equal((await readEnd(call)).code, 0);
    assert.deepEqual(closedWith, [0]);
  });
});
