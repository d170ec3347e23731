import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { AdminService, EnrolmentService, health } from '../../gen/index.ts';
import { systemClock } from '../../shared/clock.ts';
import { methodPath } from '../../shared/grpc.ts';
import { startGuarded } from '../scene/access.ts';
import { ask, connect, refusalOf } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { dial, frame, open, type Reply, readEnd } from '../scene/http2.ts';
import { never, until } from '../scene/until.ts';

const CHECK = methodPath(health.Health.method.check);
const WATCH = methodPath(health.Health.method.watch);
const ENROL = methodPath(EnrolmentService.method.enrol);
const EMPTY = frame(Buffer.alloc(0));

type Session = ReturnType<typeof dial>;

/** A health watch of nobody; `told` once the server has said how it is. */
function watch(session: Session) {
  const stream = open(session, WATCH);
  stream.end(EMPTY);
  const one = { stream, told: false, reply: undefined as Reply | undefined };
  stream.once('data', () => {
    one.told = true;
  });
  void readEnd(stream).then((reply) => {
    one.reply = reply;
  });
  return one;
}

const check = (session: Session): Promise<Reply> => readEnd(open(session, CHECK).end(EMPTY));

describe('Calls of who has no credential', () => {
  afterEach(closeScene);

  it('have a tenth of all open calls, and take none of those of others', async () => {
    const scene = await startGuarded({ maxOpenCalls: 50 });
    const watches = Array.from({ length: 10 }, () => dial(scene)).flatMap((session) =>
      Array.from({ length: 6 }, () => watch(session)),
    );
    await until('each has its answer', () => watches.every(({ told, reply }) => told || reply));
    const [open, refused] = [watches.filter(({ reply }) => !reply), watches.filter(({ reply }) => reply)];
    assert.deepEqual([open.length, refused.length], [5, 55]);
    for (const { reply } of refused) assert.equal(reply!.code, status.RESOURCE_EXHAUSTED, reply!.message);
    const known = connect(scene, {}, scene.operator);
    assert.equal(await refusalOf(ask(known, AdminService.method.listQueues, {})), 'OK');
    assert.equal((await check(dial(scene))).code, status.OK);
    open[0]!.stream.destroy();
    await until('a place', async () => {
      const next = watch(dial(scene));
      await until('its answer', () => next.told || next.reply);
      return next.told;
    });
  });

  it('are no more than 20 on a connection', async () => {
    const scene = await startGuarded();
    const session = dial(scene);
    const watches = Array.from({ length: 22 }, () => watch(session));
    await until('each has its answer', () => watches.every(({ told, reply }) => told || reply));
    assert.deepEqual(
      watches.flatMap(({ reply }) => (reply ? [reply.code] : [])),
      [status.RESOURCE_EXHAUSTED, status.RESOURCE_EXHAUSTED],
    );
    assert.equal((await check(dial(scene))).code, status.OK);
  });

  it('give way, the oldest first, where checks are never asked to their end', async () => {
    const scene = await startGuarded();
    const begun = Array.from({ length: 6 }, () => dial(scene)).flatMap((session) =>
      Array.from({ length: 20 }, () => open(session, CHECK)),
    );
    const countReset = (): number =>
      begun.filter(({ rstCode }) => rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM).length;
    await until('there are no more than 100', () => countReset() === 20);
    assert.equal((await check(dial(scene))).code, status.OK);
    await until('one more gives way', () => countReset() === 21);
  });

  it('are those too of who has a join that is spent, and take none of those of others', async () => {
    let aheadMs = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
    const scene = await startGuarded({ maxOpenCalls: 110 }, { clock });
    const [usedUp, revoked, expired] = [
      await scene.access.join({}, { uses: 1 }),
      await scene.access.join(),
      await scene.access.join({}, { seconds: 60 }),
    ];
    await scene.access.enrol(usedUp, 'robot-1');
    await scene.access.revoke(revoked.id);
    const fresh = await scene.access.join({}, { seconds: 3_600 });
    aheadMs = 61_000;
    // Each call begins, and never says as which client.
    const begun = [usedUp, revoked, expired].flatMap(({ text }) =>
      Array.from({ length: 2 }, () => dial(scene)).flatMap((session) =>
        Array.from({ length: 20 }, () => open(session, ENROL, { authorization: `Bearer ${text}` })),
      ),
    );
    const countReset = (): number =>
      begun.filter(({ rstCode }) => rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM).length;
    await until('there are no more than 100', () => countReset() === 20);
    assert.equal(await refusalOf(ask(connect(scene, {}, scene.operator), AdminService.method.listQueues, {})), 'OK');
    await scene.access.enrol(fresh, 'robot-2');
    assert.match(await refusalOf(scene.access.enrol(usedUp, 'robot-3')), /as many clients as it may/);
    assert.match(await refusalOf(scene.access.enrol(revoked, 'robot-3')), /revoked/);
    assert.match(await refusalOf(scene.access.enrol(expired, 'robot-3')), /expired/);
  });

  it('have 5 s for a check', async () => {
    const after: typeof systemClock.after = (ms, run) => systemClock.after(ms === 5_000 ? 200 : ms, run);
    const scene = await startGuarded({}, { clock: { ...systemClock, after } });
    const session = dial(scene);
    const [begun, watching] = [open(session, CHECK), watch(session)];
    await until('it is over', () => begun.rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM);
    assert.equal((await check(session)).code, status.OK);
    assert.equal(watching.reply, undefined);
  });

  it('keep their connection while they watch, and lose it afterwards', async () => {
    const scene = await startGuarded({ authenticateWithinMs: 200 });
    const session = dial(scene);
    const watching = watch(session);
    await until('it is told', () => watching.told);
    await never('it is cut', () => watching.reply || session.destroyed, 700);
    watching.stream.close();
    await until('it is closed', () => session.destroyed);
  });
});
