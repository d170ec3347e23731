import assert from 'node:assert/strict';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'mocha';
import { runHere } from '../scene/command.ts';

describe('--keepalive', function () {
  this.timeout(120_000);
  let pingCount = 0;
  // Takes calls and answers none of them, which leaves nothing but pings on the line.
  const server = createServer();
  server.on('session', (session) => {
    session.on('ping', () => {
      pingCount += 1;
    });
  });
  server.on('stream', (stream) => stream.on('error', () => undefined));
  before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  after(() => new Promise((resolve) => server.close(resolve)));

  async function countPings(keepalive: string): Promise<number> {
    pingCount = 0;
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const waiting = ['--server', address, '--connect-timeout', '1500ms', '--keepalive', keepalive];
    const { code, stderr } = await runHere(['queues', 'list', ...waiting]);
    assert.equal(code, 3, stderr);
    return pingCount;
  }

  it('says how long the command waits between two pings', async () => {
    assert.ok((await countPings('100ms')) >= 3);
    assert.equal(await countPings('5m'), 0);
  });

  it('answers 2 to what no connection can have', async () => {
    const { code, stderr } = await runHere(['queues', 'list', '--server', '127.0.0.1:1', '--keepalive', '40d']);
    assert.deepEqual([code, stderr.split('\n')[0]?.slice(0, 22)], [2, 'contact: keepaliveMs: ']);
  });
});
