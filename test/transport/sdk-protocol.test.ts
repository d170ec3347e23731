import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createWorker, type TaskContext, type WorkerStatus } from '../../client/index.ts';
import { OutcomeCode, type SendStatusRequest } from '../../gen/contact/v1/contact_pb.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { connectTo } from '../scene/server.ts';
import { until } from '../scene/until.ts';
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

  it('tells progress at once, then the newest once an interval, and again after a lost connection', async () => {
    const stub = await startStub({ onRegister: register, onStatus: store });
    const contexts = new Map<string, TaskContext>();
    const gate = Promise.withResolvers<null>();
    const worker = useWorker(
      createWorker({
        ...connectTo(stub.address),
        queues: ['q'],
        concurrency: 2,
        progressIntervalMs: 100,
        handler: (_, context) => {
          contexts.set(context.taskId, context);
          return gate.promise;
        },
      }),
    );
    const seen: WorkerStatus[] = [];
    worker.status$.subscribe((status) => seen.push(status));
    const progressOf = (session: StubSession) =>
      session.statuses.flatMap(({ progress }) => progress.map(({ taskId, message }) => `${taskId} ${message}`));
    await until('registered', () => stub.sessions[0]?.statuses.length === 1);
    const [first] = stub.sessions;
    push(first!, 'a', 'b');
    await until('both run', () => contexts.size === 2);
    const say = (id: string, message: string) => contexts.get(id)!.progress(0.5, message);
    say('a', 'zero');
    say('a', 'one');
    await until('told at once', () => progressOf(first!).length === 1);
    const toldAt = performance.now();
    for (const message of ['two', 'three', 'four']) say('a', message);
    say('b', 'one');
    await until('told of the other, and of the newest', () => progressOf(first!).length === 3);
    assert.ok(performance.now() - toldAt > 60, `${performance.now() - toldAt} ms`);
    assert.deepEqual(progressOf(first!), ['a one', 'b one', 'a four']);
    first!.end();
    await until('it is away', () => seen.at(-1)?.state === 'reconnecting');
    say('a', 'away');
    await until('told again', () => stub.sessions[1] && progressOf(stub.sessions[1]).length === 2);
    assert.deepEqual(progressOf(stub.sessions[1]!), ['a away', 'b one']);
    gate.resolve(null);
    await worker.drain();
  });

  it('tells its newest status text, on every session', async () => {
    const stub = await startStub({ onRegister: register });
    const worker = useWorker(
      createWorker({ ...connectTo(stub.address), queues: ['q'], progressIntervalMs: 50, handler: () => 1 }),
    );
    const textsOf = (session: StubSession | undefined) =>
      session?.statuses.flatMap(({ status }) => (status === undefined ? [] : [status])) ?? [];
    worker.setStatus('warming up');
    await until('told', () => textsOf(stub.sessions[0]).length === 1);
    for (let n = 0; n < 100; n += 1) worker.setStatus(`step ${n}`);
    await until('told the newest', () => textsOf(stub.sessions[0]).length === 2);
    worker.setStatus(`${'x'.repeat(255)}😀`);
    await until('told within its length', () => textsOf(stub.sessions[0]).length === 3);
    assert.deepEqual(textsOf(stub.sessions[0]), ['warming up', 'step 99', 'x'.repeat(255)]);
    stub.sessions[0]!.end();
    await until('told again', () => textsOf(stub.sessions[1]).length === 1);
    assert.deepEqual(textsOf(stub.sessions[1]), ['x'.repeat(255)]);
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
      onStatus(session, { untouched, succeeded }) {
        const outcomes = [...untouched, ...succeeded];
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
    await until('given back', () => session!.statuses.some(({ untouched }) => untouched[0]?.taskId === 'late'));
    gate.resolve(1);
    await drained;
  });

  it('delivers from its spool what an earlier worker could not, as the same client, before it takes anything', async () => {
    const folder = createFolder();
    use({ close: () => rmSync(folder, { recursive: true, force: true }) });
    let isDeaf = true;
    const stub = await startStub({
      onRegister: register,
      onStatus: (session, status) => (isDeaf ? undefined : store(session, status)),
    });
    const options = { ...connectTo(stub.address), queues: ['q'], concurrency: 2, spool: join(folder, 'spool') };
    const first = useWorker(
      createWorker({ ...options, handler: (_, { taskId }) => (taskId === 'a' ? 'done' : new Promise(() => {})) }),
    );
    await until('registered', () => stub.sessions[0]?.statuses.length === 1);
    push(stub.sessions[0]!, 'a', 'b');
    await until('one result is told', () => told(stub.sessions[0]!).length === 1);
    await first.stop({ deadlineMs: 20 });
    isDeaf = false;
    const second = useWorker(createWorker({ ...options, handler: () => assert.fail('nothing was pushed') }));
    await until('told again', () => stub.sessions[1] && told(stub.sessions[1]).length === 1);
    const [before, after] = stub.sessions;
    assert.equal(after!.clientId, before!.clientId);
    const { resume } = after!.request;
    assert.equal(resume?.previousSession, before!.id);
    assert.deepEqual(
      resume?.holding.map(({ taskId }) => taskId),
      ['a'],
    );
    assert.deepEqual(told(after!), ['a']);
    await second.drain();
    const third = useWorker(createWorker({ ...options, handler: () => 1 }));
    await until('registered with nothing', () => stub.sessions[2]);
    assert.deepEqual(stub.sessions[2]!.request.resume?.holding, []);
    await third.drain();
  });
});
