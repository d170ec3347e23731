import assert from 'node:assert/strict';
import { createProducer, newTaskId } from '../../client/index.ts';
import { closeScene, use } from '../scene/end.ts';
import { connectTo, startDurable } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { startStub } from './sdk-stub.ts';

describe('the enqueue stream of the SDK', () => {
  afterEach(closeScene);

  it('coalesces the tasks of one turn and keeps their order', async () => {
    const stub = await startStub({});
    const producer = use(createProducer(connectTo(stub.address)));
    const stored = await Promise.all(Array.from({ length: 250 }, (_, n) => producer.enqueue('q', n)));
    assert.deepEqual(
      stub.batches.map(({ tasks }) => tasks.length),
      [100, 100, 50],
    );
    assert.deepEqual(
      stub.batches.flatMap(({ tasks }) => tasks.map(({ id }) => id)),
      stored.map(({ id }) => id),
    );
  });

  it('keeps within the window that the server names', async () => {
    let open = 0;
    let peak = 0;
    const stub = await startStub({
      windows: [{ maxBatches: 2, maxBytes: 1e6 }],
      onBatch(_, call) {
        open += 1;
        peak = Math.max(peak, open);
        setImmediate(() => {
          open -= 1;
          call.write({ event: { case: 'stored', value: {} } });
        });
      },
    });
    const producer = use(createProducer(connectTo(stub.address)));
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => producer.enqueue('q', n)));
    assert.equal(peak, 2);
  });

  it('waits and sends again when the server is full, and gives up when its patience ends', async () => {
    let refusals = 0;
    const stub = await startStub({
      onBatch(batch, call) {
        const isFull = refusals < 2 || batch.tasks[0]!.queue === 'full';
        refusals += 1;
        const value = { code: 8, message: 'queue: full', retryAfterMs: 20 };
        call.write({ event: isFull ? { case: 'refused', value } : { case: 'stored', value: {} } });
      },
    });
    const producer = use(createProducer({ ...connectTo(stub.address), patienceMs: 100 }));
    await producer.enqueue('q', 1);
    assert.equal(stub.batches.length, 3);
    await assert.rejects(producer.enqueue('full', 1), { code: 'RESOURCE_EXHAUSTED', message: 'queue: full' });
  });

  it('sends unacknowledged batches again, in order, under the same ids', async () => {
    let streamCount = 0;
    const stub = await startStub({
      onBatch(_, call) {
        if (stub.batches.length === 3) {
          streamCount += 1;
          call.emit('error', { code: 14, details: 'gone' });
        } else if (streamCount > 0) call.write({ event: { case: 'stored', value: {} } });
      },
    });
    const producer = use(createProducer(connectTo(stub.address)));
    await Promise.all(Array.from({ length: 250 }, (_, n) => producer.enqueue('q', n)));
    const idsOf = (from: number) => stub.batches.slice(from, from + 3).map(({ tasks }) => tasks.map(({ id }) => id));
    assert.equal(stub.batches.length, 6);
    assert.deepEqual(idsOf(3), idsOf(0));
  });

  it('makes callers wait when too much is outstanding', async () => {
    const held: (() => void)[] = [];
    const stub = await startStub({
      onBatch: (_, call) => held.push(() => call.write({ event: { case: 'stored', value: {} } })),
    });
    const producer = use(createProducer({ ...connectTo(stub.address), maxOutstanding: 10 }));
    const all = Promise.all(Array.from({ length: 25 }, (_, n) => producer.enqueue('q', n)));
    await until('the first ten', () => held.length === 1);
    assert.equal(stub.batches[0]!.tasks.length, 10);
    let isReady = false;
    const ready = producer.ready().then(() => {
      isReady = true;
    });
    held.shift()!();
    await until('ten more', () => held.length === 1);
    assert.equal(isReady, false);
    held.shift()!();
    await until('the rest', () => held.length === 1);
    held.shift()!();
    await Promise.all([all, ready]);
    assert.deepEqual(
      stub.batches.map(({ tasks }) => tasks.length),
      [10, 10, 5],
    );
  });

  it('lets a caller give up, and does not send what nobody waits for', async () => {
    const stub = await startStub({ onBatch: () => {}, windows: [{ maxBatches: 1, maxBytes: 1e6 }] });
    const producer = createProducer(connectTo(stub.address));
    const first = producer.enqueue('q', 1);
    await until('the window is full', () => stub.batches.length === 1);
    const controller = new AbortController();
    const second = producer.enqueue('q', 2, { signal: controller.signal });
    controller.abort();
    await assert.rejects(second, { code: 'CANCELLED' });
    const closed = producer.close({ deadlineMs: 30 });
    await assert.rejects(first, { code: 'CANCELLED' });
    await closed;
    await assert.rejects(producer.enqueue('q', 3), { code: 'CANCELLED' });
    assert.equal(stub.batches.length, 1);
  });

  it('tells as data which field of which task the server refused', async () => {
    const server = await startDurable({ maxPayloadBytes: 1_000 });
    const connection = connectTo(server.address);
    const producer = use(createProducer(connection));
    const large = 'x'.repeat(1_001);
    const code = 'INVALID_ARGUMENT';
    const problem = '1003 bytes, at most 1000 are taken';
    const alone = { code, field: 'task.payload', index: undefined, problem, message: `task.payload: ${problem}` };
    await assert.rejects(producer.enqueue('q', large), alone);
    await assert.rejects(producer.call('q', large), alone);
    const field = 'tasks[1].payload';
    const batch = [1, large].map((payload) => ({ queue: 'q', payload }));
    const inBatch = { code, field, index: 1, problem, message: `${field}: ${problem}` };
    await assert.rejects(producer.enqueueBatch(batch), inBatch);
    const id = newTaskId();
    await producer.enqueue('q', 1, { id });
    const other = [
      { queue: 'q', payload: 1 },
      { queue: 'q', payload: 2, id },
    ];
    await assert.rejects(producer.enqueueBatch(other), { code: 'ALREADY_EXISTS', field: 'tasks[1].id', index: 1 });
    const selectors = Array.from({ length: 1_000 }, (_, n) => ({ queue: 's', payload: 1, selector: `n=${n}` }));
    await producer.enqueueBatch(selectors);
    const impatient = use(createProducer({ ...connection, patienceMs: 0 }));
    const beyond = [0, 1].map((n) => ({ queue: 's', payload: 1, selector: `n=${n || 'more'}` }));
    const full = { code: 'RESOURCE_EXHAUSTED', field: 'tasks[0].selector', index: 0, retryAfterMs: 60_000 };
    await assert.rejects(impatient.enqueueBatch(beyond), full);
  });
});
