import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { status } from '@grpc/grpc-js';
import { CALL_CASES, fill, readAll } from '../scene/callcases.ts';
import { createCaller, serveDirectly, startCallee, writeCallerMetadata } from '../scene/callers.ts';
import { createEcho, type EchoLog } from '../scene/echo.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

describe('a call through contact', () => {
  afterEach(closeScene);

  for (const [title, run] of Object.entries(CALL_CASES)) {
    it(`comes to what it comes to directly: ${title}`, async () => {
      const direct = await run(createCaller(await serveDirectly()));
      const { address } = await startScene();
      await startCallee(address);
      assert.deepEqual(await run(createCaller(address)), direct);
    });
  }

  it('is cancelled at its callee when it is cancelled after it began', async () => {
    const log: EchoLog = { aborted: [], readCount: 0 };
    const { address } = await startScene();
    await startCallee(address, createEcho(log));
    const { client } = createCaller(address);
    const call = client.chat();
    const ended = readAll(call);
    call.write({ body: Buffer.from('!sleep') });
    await until('it runs', () => log.readCount === 1);
    call.cancel();
    assert.equal((await ended).code, status.CANCELLED);
    await until('its handler knows', () => log.aborted.includes('Chat'));
  });

  it('is cancelled at its callee when it is cancelled after its first answer', async () => {
    const log: EchoLog = { aborted: [], readCount: 0 };
    const { address } = await startScene();
    await startCallee(address, createEcho(log));
    const call = createCaller(address).client.down({ body: fill(1_000), count: 2 ** 31 });
    call.once('data', () => call.cancel());
    assert.equal((await readAll(call)).code, status.CANCELLED);
    await until('its handler knows', () => log.aborted.includes('Down'));
  });

  it('ends at its deadline on both sides when its callee sleeps', async () => {
    const log: EchoLog = { aborted: [], readCount: 0 };
    const { address } = await startScene();
    await startCallee(address, createEcho(log));
    const { code } = await createCaller(address).unary('!sleep', { deadlineMs: 100 });
    assert.equal(code, status.DEADLINE_EXCEEDED);
    await until('its handler knows', () => log.aborted.includes('Unary'));
  });

  it('is answered before its caller has said all, who is told to stop', async () => {
    const { address } = await startScene();
    await startCallee(address);
    const { client } = createCaller(address);
    const summary = await new Promise((resolve, reject) => {
      const call = client.up(writeCallerMetadata(), {}, (error, answer) =>
        error ? reject(error) : resolve(answer?.messages),
      );
      call.write({ count: 1 });
      call.write({ count: 99 });
      // It never ends its half.
    });
    assert.equal(summary, 2);
  });

  it('leaves nothing open at either end', async () => {
    const { address, server } = await startScene();
    const worker = await startCallee(address);
    const { unary, client } = createCaller(address);
    await Promise.all(Array.from({ length: 300 }, (_, at) => unary(fill(at * 10))));
    for (let at = 0; at < 20; at++)
      client
        .chat()
        .on('error', () => undefined)
        .cancel();
    // Neither has anything to wait for.
    await worker.drain();
    await server.close({ deadlineMs: 60_000 });
  });
});
