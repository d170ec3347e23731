import assert from 'node:assert/strict';
import { credentials, status } from '@grpc/grpc-js';
import { EnrolmentService, type GetTaskResponse, TaskService } from '../../gen/index.ts';
import { drawToken } from '../../server/access/token.ts';
import { createClient } from '../../shared/grpc.ts';
import { askAs, type GuardedScene, startGuarded } from '../scene/access.ts';
import { ask, connect, describeTask, enqueueMany, refusalOf } from '../scene/clients.ts';
import { createFastClock } from '../scene/clock.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { until } from '../scene/until.ts';
import { closeOf, openWorker } from '../scene/worker.ts';

/** Five minutes are a second. */
const FACTOR = 300;
const LIFETIME_SECONDS = 600;
const TASKS = 20;
const ROTATIONS = 3;

/** Intervals that are as long as others' by the clock on the wall of the test. */
const SLOW = {
  pingIntervalMs: 200 * FACTOR,
  resumeWindowMs: 400 * FACTOR,
  stuckSocketMs: 200 * FACTOR,
  pairingMs: 1_000 * FACTOR,
  authenticateWithinMs: 20_000 * FACTOR,
  slowLineBytesPerSecond: 4_000,
};

function renewer({ address }: GuardedScene): (token: string) => Promise<string> {
  const client = createClient(EnrolmentService, address, credentials.createInsecure());
  atEnd(() => client.close());
  return async (token) => {
    const { id, hash, text } = drawToken();
    await askAs(token, client, 'renew', { id, secretHash: Buffer.from(hash, 'hex') });
    return text;
  };
}

const isRenew = ({ event }: GetTaskResponse): boolean => event.case === 'renew';

describe('a client that renews its credential', () => {
  afterEach(closeScene);

  it('keeps its session and what it runs, and each task is run once', async () => {
    const scene = await startGuarded(SLOW, { clock: createFastClock(FACTOR) });
    const join = await scene.access.join({}, { clientSeconds: LIFETIME_SECONDS });
    let token = (await scene.access.enrol(join, 'robot-7')).text;
    const renew = renewer(scene);
    const operator = connect(scene, {}, scene.operator);
    const worker = await openWorker(connect(scene, {}, token), { clientId: 'robot-7', maxInFlight: TASKS });
    let end: string | undefined;
    void worker.ended.then((ended) => {
      end = closeOf(ended);
    });
    const ids = await enqueueMany(operator, TASKS);
    const tasks = await worker.receive(TASKS);
    worker.send({ started: tasks.map(({ taskId, delivery }) => ({ taskId, delivery })) });

    const used: string[] = [];
    let heard = 0;
    for (let n = 0; n < ROTATIONS; n++) {
      await until('it is told to renew', () => end ?? worker.messages.filter(isRenew).length > heard);
      assert.equal(end, undefined);
      heard = worker.messages.filter(isRenew).length;
      used.push(token);
      token = await renew(token);
      // Those that were on their way meanwhile are of the one before.
      await until('it is told', () => worker.messages.filter(isRenew).length >= heard);
      heard = worker.messages.filter(isRenew).length;
    }
    await until('the first has expired', async () =>
      /expired/.test(await refusalOf(ask(connect(scene, {}, used[0]), TaskService.method.listTasks, {}))),
    );
    assert.equal(end, undefined);
    assert.deepEqual(new Set(await worker.succeed(...tasks)), new Set(['STORED']));
    for (const id of ids) {
      const { attempt, state } = await describeTask(operator, id);
      assert.equal(attempt, 1, `${id} ${state}`);
    }
    assert.equal(worker.tasks.length, TASKS);

    // Who does not renew goes, and is told why.
    const ended = await worker.ended;
    assert.deepEqual([ended.code, closeOf(ended)], [status.UNAUTHENTICATED, 'EXPIRED never']);
  }).timeout(60_000);

  it('is told again until it has, and by its next session too', async () => {
    const scene = await startGuarded(SLOW, { clock: createFastClock(FACTOR) });
    const join = await scene.access.join({}, { clientSeconds: LIFETIME_SECONDS });
    const { text } = await scene.access.enrol(join, 'robot-7');
    const worker = await openWorker(connect(scene, {}, text), { clientId: 'robot-7' });
    await until('it is told twice', () => worker.messages.filter(isRenew).length >= 2, 8_000);
    const next = await openWorker(connect(scene, {}, text), { clientId: 'robot-7' });
    await until('its next session is told at once', () => next.messages.some(isRenew));
    await renewer(scene)(text);
    const heard = next.messages.filter(isRenew).length;
    assert.ok(heard >= 1);
  }).timeout(60_000);

  it('has a credential of its own: tokens and operators have others', async () => {
    const scene = await startGuarded();
    const { text } = await scene.access.token();
    assert.match(await refusalOf(renewer(scene)(text)), /^FAILED_PRECONDITION only the credential of a client/);
  });

  it('is gone with all that it has been given when it is revoked', async () => {
    const scene = await startGuarded();
    const join = await scene.access.join({});
    const first = await scene.access.enrol(join, 'robot-7');
    const worker = await openWorker(connect(scene, {}, first.text), { clientId: 'robot-7' });
    const second = await renewer(scene)(first.text);
    assert.equal(await refusalOf(askAs(second, scene.access.client, 'describeCaller', {})), 'OK');
    await scene.access.revoke(first.id);
    assert.equal(closeOf(await worker.ended), 'REVOKED never');
    assert.match(await refusalOf(askAs(second, scene.access.client, 'describeCaller', {})), /was revoked/);
  });
});
