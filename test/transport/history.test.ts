import assert from 'node:assert/strict';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { createAdmin, createProducer } from '../../client/index.ts';
import { AdminService } from '../../gen/index.ts';
import { ALL, EVERY_ROLE, startGuarded } from '../scene/access.ts';
import { ask, connect, enqueueMany, refusalOf } from '../scene/clients.ts';
import { closeScene, use } from '../scene/end.ts';
import { connectTo, type Scene, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

const STEP_MS = 1_000;
const { getHistory } = AdminService.method;

describe('GetHistory', () => {
  afterEach(closeScene);

  const start = (): Promise<Scene> => startScene({}, { historyStepMs: STEP_MS });

  it('has what came and went and what waits, of each queue and of all, and is the same by the SDK', async () => {
    const scene = await start();
    const clients = connect(scene);
    const before = Date.now();
    await enqueueMany(clients, 7, { queue: 'a' });
    await enqueueMany(clients, 2, { queue: 'b' });
    const worker = await openWorker(clients, { queues: ['a'], maxInFlight: 3 });
    await worker.succeed(...(await worker.receive(3)));
    await worker.receive(3 + 3);
    const admin = use(createAdmin(connectTo(scene.address)));
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    const told = await until('the step with the second claims has ended', async () => {
      const answer = await admin.queueHistory();
      return sum(answer.queues[0]?.claimed ?? []) === 6 && answer.queues[0]!.running.at(-1) === 3 && answer;
    });
    const [a, b] = told.queues;
    assert.deepEqual([a!.queue, b!.queue, told.queues.length], ['a', 'b', 2]);
    assert.deepEqual(
      [a!, b!, told.total!].map(({ enqueued }) => sum(enqueued)),
      [7, 2, 9],
    );
    assert.deepEqual(
      [a!, b!, told.total!].map(({ succeeded }) => sum(succeeded)),
      [3, 0, 3],
    );
    assert.deepEqual(
      [a!, b!, told.total!].map(({ ready }) => ready.at(-1)),
      [1, 2, 3],
    );
    assert.equal(told.total!.queue, '');
    const steps = told.coveredMs.length;
    for (const values of [b!.expired, b!.oldestReadyMs, a!.wait!.p50Ms, b!.run!.p99Ms])
      assert.equal(values.length, steps);
    assert.ok(a!.wait!.p99Ms.some((ms) => ms >= 0) && b!.wait!.p99Ms.every((ms) => ms === -1));
    assert.ok(a!.run!.p50Ms.some((ms) => ms >= 0) && b!.oldestReadyMs.at(-1)! > 0);
    // The server was not there before, which is a gap.
    const first = told.coveredMs.findIndex((ms) => ms > 0);
    assert.equal(steps, 360);
    assert.ok(told.coveredMs.slice(0, first).every((ms) => ms === 0));
    const since = timestampMs(told.start!) + first * STEP_MS;
    assert.ok(since > before - 60_000 && since <= before, `${since} ${before}`);
  });

  it('has a named queue, larger steps and a shorter time, and no total then', async () => {
    const scene = await start();
    const clients = connect(scene);
    await enqueueMany(clients, 7, { queue: 'a' });
    await enqueueMany(clients, 2, { queue: 'b' });
    const admin = use(createAdmin(connectTo(scene.address)));
    const since = new Date();
    const told = await until('a step has ended', async () => {
      const answer = await admin.queueHistory({ queues: ['b', 'nothing'], since, stepMs: 2_000 });
      return answer.coveredMs.length > 0 && answer.queues[0]?.ready.at(-1) === 2 && answer;
    });
    assert.deepEqual([told.queues.map(({ queue }) => queue), told.total, told.stepSeconds], [['b'], undefined, 2]);
    assert.equal(timestampMs(told.start!) % 2_000, 0);
    assert.ok(told.coveredMs.length <= 3);
    const total = await admin.queueHistory({ totalOnly: true });
    assert.deepEqual([total.queues, total.total?.ready.at(-1)], [[], 9]);
  });

  it('refuses what makes no step, naming the field', async () => {
    const clients = connect(await startScene());
    const refused = (request: object) => refusalOf(ask(clients, getHistory, request));
    assert.match(await refused({ stepSeconds: 7 }), /^INVALID_ARGUMENT.*step_seconds.*multiple of 10, got 7/);
    assert.match(await refused({ stepSeconds: 3_610 }), /^INVALID_ARGUMENT.*step_seconds/);
    assert.match(await refused({ queues: Array(101).fill('q') }), /^INVALID_ARGUMENT.*queues/);
    assert.match(await refused({ queues: ['q'], totalOnly: true }), /^INVALID_ARGUMENT.*total_only/);
    const whole = await ask(clients, getHistory, { stepSeconds: 3_600 });
    assert.ok(whole.coveredMs.length <= 2);
  });

  it('tells nothing of all queues to who may not see all, and of none that is not its own', async () => {
    const scene = await startGuarded({}, { historyStepMs: STEP_MS });
    const mine = await scene.access.token({ ...ALL, roles: EVERY_ROLE, queues: ['a*'] });
    const producer = use(createProducer({ ...connectTo(scene.address), token: scene.operator }));
    await producer.enqueueBatch(['a', 'a1', 'b'].map((queue) => ({ queue, payload: 1 })));
    const admin = use(createAdmin({ ...connectTo(scene.address), token: mine.text }));
    const named = async (queues?: string[]): Promise<string[]> =>
      (await admin.queueHistory(queues && { queues })).queues.map(({ queue }) => queue);
    assert.deepEqual(await named(), ['a', 'a1']);
    assert.deepEqual(await named(['b', 'a1']), ['a1']);
    assert.equal((await admin.queueHistory()).total, undefined);
    await assert.rejects(admin.queueHistory({ totalOnly: true }), { code: 'PERMISSION_DENIED', field: 'total_only' });
    const operator = use(createAdmin({ ...connectTo(scene.address), token: scene.operator }));
    assert.equal((await operator.queueHistory({ totalOnly: true })).total?.queue, '');
  });
});
