import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { createProducer, createWorker, newTaskId } from '../../client/index.ts';
import { AdminService, Retry, TaskService } from '../../gen/index.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { createCaller, type EchoCaller, type Reply, startCallee, writeCallerMetadata } from '../scene/callers.ts';
import { ask, connect } from '../scene/clients.ts';
import { createEcho } from '../scene/echo.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { openServe } from '../scene/rawcallee.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

const QUEUE = 'echo.Echo/Unary';
const DURABLE = { 'contact-mode': 'durable' };

function detach({ unary }: EchoCaller, body: string, more: Record<string, string> = {}): Promise<Reply> {
  return unary(body, { metadata: { ...DURABLE, 'contact-detach': '1', ...more } });
}

const taskOf = ({ headers }: Reply): string => String((headers['contact-task'] as string[])[0]);

describe('a durable call', () => {
  afterEach(closeScene);

  it('waits for a client that nobody has seen, and is answered by the handler of live calls', async () => {
    const { address } = await startScene();
    const reply = createCaller(address).unary('hello', { metadata: { ...DURABLE, 'x-initial': 'kept' } });
    await startCallee(address);
    const { code, bodies, headers } = await reply;
    assert.deepEqual([code, bodies], [status.OK, ['hello']]);
    assert.match(taskOf({ headers } as Reply), /^[0-9a-f-]{36}$/);
  });

  it('is told the id of its task at once, and is answered without a word when it asks for that', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const caller = createCaller(scene.address);
    const mine = { 'x-mine': 'yes', authorization: 'Bearer of the caller alone' };
    const reply = await detach(caller, 'later', { ...mine, 'contact-key': 'k1' });
    assert.deepEqual([reply.code, reply.bodies], [status.OK, ['']]);
    const again = await detach(caller, 'later', { 'x-mine': 'yes', 'contact-key': 'k1', traceparent: 'another' });
    assert.equal(taskOf(again), taskOf(reply), 'the same key is the same call');
    const other = await detach(caller, 'something else', { 'contact-key': 'k1' });
    assert.equal(other.code, status.ALREADY_EXISTS);
    const { task } = await ask(clients, TaskService.method.describeTask, { id: taskOf(reply) });
    assert.deepEqual([task!.queue, task!.metadata], [QUEUE, { 'x-mine': 'yes' }]);
  });

  it('is taken too by a worker that serves more than it did when it registered, which keeps what it runs', async () => {
    const { address } = await startScene();
    const reply = createCaller(address).unary('hello', { metadata: DURABLE });
    const running = Promise.withResolvers<void>();
    const done = Promise.withResolvers<string>();
    let runs = 0;
    const handler = () => {
      runs += 1;
      running.resolve();
      return done.promise;
    };
    const given = { ...connectTo(address), queues: ['slow'], handler, concurrency: 2 };
    const worker = useWorker(createWorker(given));
    const producer = use(createProducer(connectTo(address)));
    const slow = producer.call('slow', null);
    await running.promise;
    const states = new Set<string>();
    worker.status$.subscribe(({ state }) => states.add(state));
    worker.serve(Echo, createEcho());
    assert.deepEqual((await reply).bodies, ['hello']);
    done.resolve('as it was');
    assert.equal(await slow, 'as it was');
    assert.deepEqual([runs, states.has('reconnecting')], [1, false]);
  });

  it('has its handler told of the task and the caller’s metadata', async () => {
    const { address } = await startScene();
    await startCallee(address);
    const bytes = [Buffer.from([0, 255]), Buffer.from('ab')];
    const metadata = { ...DURABLE, 'x-mine': 'yes', 'x-trailing-bin': bytes };
    const reply = await createCaller(address).unary('!metadata', { metadata });
    const seen = JSON.parse(reply.bodies[0]!);
    assert.deepEqual(seen['x-trailing-bin'], JSON.parse(JSON.stringify(bytes)));
    assert.deepEqual([seen['x-mine'], seen['contact-task']], [['yes'], [taskOf(reply)]]);
  });

  it('goes to the client that it names, and to no other', async () => {
    const { address } = await startScene();
    const named = (name: string) => ({ ...createEcho(), unary: () => ({ body: Buffer.from(name) }) });
    await startCallee(address, named('a'), { clientId: 'a' });
    const reply = createCaller(address).unary('x', { metadata: { ...DURABLE, 'contact-client': 'b' } });
    await startCallee(address, named('b'), { clientId: 'b' });
    assert.deepEqual((await reply).bodies, ['b']);
  });

  it('fails for good with the code and the words of its handler, and is tried again for codes that pass', async () => {
    const { address } = await startScene();
    let tries = 0;
    let finalTries = 0;
    const handlers = {
      ...createEcho(),
      unary({ body }: { body: Uint8Array }) {
        if (Buffer.from(body).toString() === 'once') finalTries += 1;
        if (Buffer.from(body).toString() === 'once') throw Object.assign(new Error('no'), { code: status.NOT_FOUND });
        if (body.byteLength > 0 && tries++ < 2) throw Object.assign(new Error('busy'), { code: status.UNAVAILABLE });
        return { body };
      },
    };
    await startCallee(address, handlers);
    const { unary } = createCaller(address);
    const final = await unary('once', { metadata: DURABLE });
    assert.deepEqual([final.code, final.details, finalTries], [status.NOT_FOUND, 'no', 1]);
    assert.deepEqual((await unary('again', { metadata: DURABLE })).bodies, ['again']);
    assert.equal(tries, 3);
  });

  it('is waited for again by its id, before and after it has ended, as often as somebody asks', async () => {
    const { address } = await startScene();
    const caller = createCaller(address);
    const id = taskOf(await detach(caller, 'kept'));
    const failing = taskOf(await detach(caller, '!status'));
    const awaiting = { ...DURABLE, 'contact-task': id };
    const early = caller.unary('', { metadata: awaiting });
    await startCallee(address);
    const { code, bodies, headers } = await early;
    assert.deepEqual([code, bodies, headers['contact-task']], [status.OK, ['kept'], [id]]);
    assert.deepEqual((await caller.unary('', { metadata: awaiting })).bodies, ['kept']);
    const failed = await caller.unary('', { metadata: { ...DURABLE, 'contact-task': failing } });
    assert.deepEqual([failed.code, failed.trailers['contact-state']], [status.FAILED_PRECONDITION, ['failed']]);
  });

  it('is not found by an id of none, of another queue’s task, or beside what makes a new one', async () => {
    const { address } = await startScene();
    const producer = use(createProducer(connectTo(address)));
    const { id } = await producer.enqueue('another', null);
    const { unary } = createCaller(address);
    for (const [metadata, code, field] of [
      [{ 'contact-task': newTaskId() }, status.NOT_FOUND, 'contact-task'],
      [{ 'contact-task': 'none' }, status.INVALID_ARGUMENT, 'contact-task'],
      [{ 'contact-task': id }, status.INVALID_ARGUMENT, 'contact-task'],
      [{ 'contact-task': id, 'contact-key': 'k' }, status.INVALID_ARGUMENT, 'contact-key'],
      [{ 'contact-task': id, 'contact-detach': '1' }, status.INVALID_ARGUMENT, 'contact-detach'],
      [{ 'contact-task': id, 'contact-client': 'c' }, status.INVALID_ARGUMENT, 'contact-client'],
    ] as const) {
      const reply = await unary('', { metadata: { ...DURABLE, ...metadata } });
      assert.deepEqual([reply.code, reply.trailers['contact-field']], [code, [field]]);
    }
  });

  it('ends when its task is cancelled', async () => {
    const scene = await startScene();
    const reply = createCaller(scene.address).unary('x', { metadata: DURABLE });
    const clients = connect(scene);
    const { tasks } = await until('it waits', async () => {
      const listed = await ask(clients, TaskService.method.listTasks, {});
      return listed.tasks.length > 0 && listed;
    });
    await ask(clients, TaskService.method.cancelTasks, { ids: [tasks[0]!.id] });
    const { code, trailers } = await reply;
    const marks = ['contact-state', 'contact-reason', 'contact-retry'].flatMap((key) => trailers[key]);
    assert.deepEqual([code, marks], [status.CANCELLED, ['cancelled', 'CANCELLED', 'never']]);
  });

  it('that took too long is told from one whose handler says so', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const worker = await openWorker(clients, { queues: [QUEUE] });
    const { unary } = createCaller(scene.address);
    for (const [code, reason] of [
      ['TIMEOUT', 'TIMEOUT'],
      ['DEADLINE_EXCEEDED', undefined],
    ] as const) {
      const reply = unary('x', { metadata: DURABLE });
      const { taskId, delivery } = (await worker.receive(worker.tasks.length + 1)).at(-1)!;
      await worker.report({ failed: [{ taskId, delivery, error: { code, message: 'late' }, retry: Retry.NEVER }] });
      const { code: told, trailers } = await reply;
      assert.deepEqual([told, trailers['contact-reason']?.toString()], [status.DEADLINE_EXCEEDED, reason]);
    }
  });

  it('is unary: another kind is refused, as its descriptors or its messages tell', async () => {
    const { address } = await startScene();
    const callee = await startCallee(address);
    const caller = createCaller(address);
    assert.deepEqual(await upload(caller, ['a', 'b']), [status.FAILED_PRECONDITION, 'contact-mode']);
    assert.deepEqual(await upload(caller, []), [status.FAILED_PRECONDITION, 'contact-mode']);
    await callee.stop();
    assert.deepEqual(await upload(caller, ['a']), [status.FAILED_PRECONDITION, 'contact-mode'], 'while it is away too');
    const bare = await startScene();
    assert.deepEqual(await upload(createCaller(bare.address), ['a', 'b']), [
      status.FAILED_PRECONDITION,
      'contact-mode',
    ]);
  });

  it('is refused with what it may not be', async () => {
    const { address } = await startScene({ maxPayloadBytes: 1_000 });
    const { unary } = createCaller(address);
    for (const [metadata, body, field] of [
      [{ 'contact-mode': 'forever' }, 'x', 'contact-mode'],
      [{ ...DURABLE, 'contact-selector': 'a in (' }, 'x', 'contact-selector'],
      [{ ...DURABLE, 'contact-detach': 'yes' }, 'x', 'contact-detach'],
      [{ ...DURABLE, 'contact-wait': '10' }, 'x', 'contact-wait'],
      [{ ...DURABLE, 'contact-client': '' }, 'x', 'contact-client'],
      [{ ...DURABLE, 'contact-client': ['a', 'b'] }, 'x', 'contact-client'],
      [{ ...DURABLE, 'contact-key': 'k'.repeat(129) }, 'x', 'contact-key'],
      [{ ...DURABLE, 'contact-client': 'a', 'contact-selector': 'b=c' }, 'x', 'contact-selector'],
      [DURABLE, 'x'.repeat(1_001), 'message'],
    ] as const) {
      await openServe(address, `raw${field}`, { methods: [QUEUE] });
      const { code, trailers } = await unary(body, { metadata });
      assert.deepEqual([code, trailers['contact-field']], [status.INVALID_ARGUMENT, [field]]);
    }
  });

  it('is told to come again when the server goes, and its deadline leaves the task alone', async () => {
    const scene = await startScene({ isDurable: true });
    const { unary } = createCaller(scene.address);
    // On a machine that is busy the deadline may pass before the call is there.
    for (let isStored = false; !isStored; ) {
      const late = await unary('late', { metadata: { ...DURABLE, 'contact-key': 'late' }, deadlineMs: 200 });
      assert.equal(late.code, status.DEADLINE_EXCEEDED);
      isStored = late.headers['contact-task'] !== undefined;
    }
    const waiting = unary('x', { metadata: { ...DURABLE, 'contact-key': 'one' } });
    await until('it is stored', async () => {
      const { queues } = await ask(connect(scene), AdminService.method.listQueues, {});
      return Number(queues[0]?.ready ?? 0) === 2;
    });
    await scene.stop({ deadlineMs: 5_000 });
    const told = await waiting;
    assert.deepEqual([told.code, told.trailers['contact-reason']], [status.UNAVAILABLE, ['SERVER_SHUTDOWN']]);
    await scene.start();
    const bodies: string[] = [];
    const unaryHandler = ({ body }: { body: Uint8Array }) => {
      if (body.byteLength > 0) bodies.push(Buffer.from(body).toString());
      return { body };
    };
    await startCallee(scene.address, { ...createEcho(), unary: unaryHandler });
    const same = await createCaller(scene.address).unary('x', { metadata: { ...DURABLE, 'contact-key': 'one' } });
    assert.deepEqual(same.bodies, ['x']);
    await until('both ran, and each once', () => bodies.length === 2);
    assert.deepEqual(bodies.sort(), ['late', 'x']);
  });
});

/** The code and the named field that an upload which is to be kept comes to. */
function upload({ client }: EchoCaller, bodies: readonly string[]): Promise<[number, unknown]> {
  return new Promise((resolve) => {
    const call = client.up(writeCallerMetadata(DURABLE), { deadline: Date.now() + 10_000 }, () => undefined);
    call.on('error', () => undefined);
    call.on('status', ({ code, metadata }) => resolve([code, metadata.get('contact-field')[0]]));
    for (const body of bodies) call.write({ body: Buffer.from(body) });
    call.end();
  });
}
