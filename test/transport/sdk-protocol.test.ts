import assert from 'node:assert/strict';
import { createProducer, createWorker } from '../../client/index.ts';
import { OutcomeCode, type SendStatusRequest } from '../../gen/contact/v1/contact_pb.ts';
import { closeScene, connectTo, until, use, useWorker } from './sdk-scene.ts';
import { type StubSession, startStub } from './sdk-stub.ts';

const INTERVALS = { pingIntervalMs: 60_000, resumeWindowMs: 60_000 };
const LIMITS = { maxPayloadBytes: 1e6, maxResultBytes: 20_000, maxCheckpointBytes: 1e5, maxMessageBytes: 30_000 };

function register(session: StubSession, more: { closed?: { taskId: string; delivery: number }[] } = {}): void {
  session.send({ case: 'registered', value: { intervals: INTERVALS, limits: LIMITS, ...more } });
}

function push(session: StubSession, ...taskIds: string[]): void {
  const tasks = taskIds.map((taskId) => ({ taskId, delivery: 1, attempt: 1, queue: 'q' }));
  session.send({ case: 'tasks', value: { tasks } });
}

function store(session: StubSession, status: SendStatusRequest): void {
  const outcomes = status.succeeded.map(({ taskId, delivery }) => ({ taskId, delivery, code: OutcomeCode.STORED }));
  if (outcomes.length > 0) session.answer(outcomes);
}

const told = ({ statuses }: StubSession) => statuses.flatMap(({ succeeded }) => succeeded.map(({ taskId }) => taskId));

describe('a session of the SDK', () => {
  afterEach(closeScene);

  it('tells receipts, starts and results of one turn in one message', async () => {
    const stub = await startStub({ onRegister: register, onStatus: store });
    useWorker(createWorker({ ...connectTo(stub.address), queues: ['q'], concurrency: 1_000, handler: () => 1 }));
    await until('registered', () => stub.sessions[0]?.statuses.length === 1);
    const [session] = stub.sessions;
    assert.equal(session!.statuses[0]!.receipt, 1);
    const ids = Array.from({ length: 200 }, (_, n) => `t${n}`);
    push(session!, ...ids);
    await until('all told', () => told(session!).length === 200);
    assert.equal(session!.statuses.length, 2);
    assert.deepEqual(told(session!), ids);
    assert.equal(session!.statuses[1]!.receipt, 2);
  });

  it('keeps messages within the size that the server names', async () => {
    const stub = await startStub({ onRegister: register, onStatus: store });
    useWorker(
      createWorker({
        ...connectTo(stub.address),
        queues: ['q'],
        concurrency: 10,
        handler: (_, { taskId }) => (taskId === 'huge' ? 'x'.repeat(20_000) : 'x'.repeat(9_000)),
      }),
    );
    await until('registered', () => stub.sessions[0]?.statuses.length === 1);
    const [session] = stub.sessions;
    push(session!, 'a', 'b', 'huge', 'c', 'd', 'e', 'f');
    await until('all told', () => told(session!).length === 6);
    const sizes = session!.statuses.map(({ succeeded }) =>
      succeeded.reduce((sum, { result }) => sum + result.length, 0),
    );
    assert.ok(Math.max(...sizes) <= 30_000, `${sizes}`);
    const failed = session!.statuses.flatMap((status) => status.failed);
    assert.deepEqual(
      failed.map(({ taskId, error, retry }) => [taskId, error?.code, retry]),
      [['huge', 'TOO_LARGE', 1]],
    );
  });

  it('sends a result again after RETRY_LATER, until it is stored', async () => {
    let refusals = 0;
    const stub = await startStub({
      onRegister: register,
      onStatus(session, status) {
        if (status.succeeded.length === 0 || refusals === 3) return store(session, status);
        refusals += 1;
        session.answer([{ taskId: 'a', delivery: 1, code: OutcomeCode.RETRY_LATER, afterMs: 60 }]);
      },
    });
    const worker = useWorker(createWorker({ ...connectTo(stub.address), queues: ['q'], handler: () => 1 }));
    await until('registered', () => stub.sessions[0]?.statuses.length === 1);
    push(stub.sessions[0]!, 'a');
    await until('told four times', () => told(stub.sessions[0]!).length === 4);
    await worker.drain();
  });

  it('says after a lost connection what it holds, and drops what was closed meanwhile', async () => {
    const gates = new Map<string, (value: string) => void>();
    const aborted: string[] = [];
    let isKeeping = true;
    const stub = await startStub({
      onRegister: (session) =>
        register(
          session,
          stub.sessions.length > 1
            ? {
                closed: [
                  { taskId: 'b', delivery: 1 },
                  { taskId: 'd', delivery: 1 },
                ],
              }
            : {},
        ),
      onStatus: (session, status) => (isKeeping ? undefined : store(session, status)),
    });
    const worker = useWorker(
      createWorker({
        ...connectTo(stub.address),
        queues: ['q'],
        concurrency: 4,
        prefetch: 1,
        handler: (_, { taskId, signal }) => {
          signal.addEventListener('abort', () => aborted.push(taskId));
          return new Promise<string>((resolve) => gates.set(taskId, resolve));
        },
      }),
    );
    await until('registered', () => stub.sessions[0]?.statuses.length === 1);
    const [first] = stub.sessions;
    push(first!, 'a', 'b', 'c', 'd', 'waits');
    await until('four run', () => gates.size === 4);
    gates.get('c')!('c');
    gates.get('d')!('d');
    await until('two results are told', () => told(first!).length === 2);
    isKeeping = false;
    first!.end();
    await until('it is back', () => stub.sessions.length === 2);
    const { resume } = stub.sessions[1]!.request;
    assert.deepEqual(resume?.holding.map(({ taskId }) => taskId).sort(), ['a', 'b', 'c', 'd', 'waits']);
    await until('c is told again', () => told(stub.sessions[1]!).includes('c'));
    assert.deepEqual(aborted, ['b']);
    // What came twice is not run twice, and what is finished stays so.
    push(stub.sessions[1]!, 'a', 'waits');
    for (const id of ['a', 'b', 'waits']) gates.get(id)?.('late');
    await until('the rest is told', () => told(stub.sessions[1]!).length === 3);
    assert.deepEqual(told(stub.sessions[1]!).sort(), ['a', 'c', 'waits']);
    const started = stub.sessions[1]!.statuses.flatMap((status) => status.started.map(({ taskId }) => taskId));
    assert.ok(started.includes('a'), `${started}`);
    await worker.drain();
  });

  it('ends a session that lost a message, and comes back', async () => {
    const stub = await startStub({ onRegister: register });
    const said: string[] = [];
    const logger = { info: () => {}, warn: (line: string) => said.push(line) };
    useWorker(createWorker({ ...connectTo(stub.address), logger, queues: ['q'], handler: () => 1 }));
    await until('registered', () => stub.sessions[0]?.statuses.length === 1);
    stub.sessions[0]!.send({ case: 'ping', value: {} }, 7);
    await until('it is back', () => stub.sessions.length === 2);
    assert.match(said.join('\n'), /seq: expected 2, got 7/);
  });

  it('gives back what is pushed while it drains', async () => {
    const stub = await startStub({
      onRegister: register,
      onStatus(session, { released, succeeded }) {
        const outcomes = [...released, ...succeeded];
        session.answer(outcomes.map(({ taskId, delivery }) => ({ taskId, delivery, code: OutcomeCode.STORED })));
      },
    });
    const gate = Promise.withResolvers<number>();
    let isEntered = false;
    const handler = () => {
      isEntered = true;
      return gate.promise;
    };
    const worker = useWorker(createWorker({ ...connectTo(stub.address), queues: ['q'], handler }));
    await until('registered', () => stub.sessions[0]?.statuses.length === 1);
    const [session] = stub.sessions;
    push(session!, 'a');
    await until('it runs', () => isEntered);
    const drained = worker.drain();
    await until('credit is taken back', () => session!.statuses.some(({ credit }) => credit === 0));
    push(session!, 'late');
    await until('given back', () => session!.statuses.some(({ released }) => released[0]?.taskId === 'late'));
    gate.resolve(1);
    await drained;
  });
});

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
      window: { maxBatches: 2, maxBytes: 1e6 },
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
    const stub = await startStub({ onBatch: () => {}, window: { maxBatches: 1, maxBytes: 1e6 } });
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
});
