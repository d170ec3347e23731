import assert from 'node:assert/strict';
import { createProducer, createWorker } from '../../client/index.ts';
import { ContactError } from '../../shared/errors.ts';
import { createTestClock, startTestServer } from '../../testing/index.ts';

const HOUR_MS = 3_600_000;

describe('startTestServer()', () => {
  it('has a port of its own, runs tasks, and closes with what is in its block', async () => {
    let address = '';
    {
      await using server = await startTestServer();
      await using other = await startTestServer({ maxPayloadBytes: 1_024 });
      assert.notEqual(server.address, other.address);
      ({ address } = server);
      await using _worker = createWorker<number, number>({ server: address, queues: ['q'], handler: (n) => n + 1 });
      await using producer = createProducer({ server: address });
      assert.equal(await producer.call('q', 41, { deadlineMs: 10_000 }), 42);
    }
    // Somebody else may have the address from now on.
    await using again = await startTestServer({ listen: address });
    assert.equal(again.address, address);
  });

  it('refuses an option that is wrong by its name', async () => {
    await assert.rejects(startTestServer({ maxPayloadBytes: -1 }), /^ContactError: maxPayloadBytes: /);
    await assert.rejects(startTestServer({ maxPayload: 1 } as object), /maxPayload: no such option/);
    const clock = { now: () => 'late' } as never;
    await assert.rejects(startTestServer({ clock }), ContactError);
  });

  it('goes by the clock of a test: delays and backoffs pass when it says so, and nobody is lost by it', async () => {
    const clock = createTestClock();
    await using server = await startTestServer({ clock });
    const attempts: number[] = [];
    const warnings: string[] = [];
    const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using worker = createWorker<string | null, string>({
      server: server.address,
      queues: ['q'],
      handler: (payload, { attempt }) => {
        if (payload === 'now') return `attempt ${attempt}`;
        attempts.push(attempt);
        begun[attempts.length - 1]?.resolve();
        if (attempt === 1) throw new Error('not yet');
        return `attempt ${attempt}`;
      },
      logger: { info() {}, warn: (line) => warnings.push(line) },
    });
    await worker.connected();
    await using producer = createProducer({ server: server.address });
    const { id } = await producer.enqueue('q', null, {
      delayMs: HOUR_MS,
      backoff: { baseMs: HOUR_MS, capMs: HOUR_MS },
    });
    const again = producer.call('q', null, { id, delayMs: HOUR_MS, backoff: { baseMs: HOUR_MS, capMs: HOUR_MS } });
    // Tasks come in order: had it been due, it would have come before this one.
    assert.equal(await producer.call('q', 'now'), 'attempt 1');
    assert.deepEqual(attempts, [], 'it is not due');
    clock.advance(HOUR_MS);
    await begun[0]!.promise;
    // Its backoff begins when the failure is stored: the clock goes on until it is over.
    const moving = setInterval(() => clock.advance(HOUR_MS / 4), 20);
    try {
      assert.equal(await again, 'attempt 2');
    } finally {
      clearInterval(moving);
    }
    assert.deepEqual(attempts, [1, 2]);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /failed, attempt 1 of 5: not yet/);
  });
});
