import assert from 'node:assert/strict';
import { CallError, createCaller } from '../../client/index.ts';
import { systemClock } from '../../shared/clock.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { startCallee } from '../scene/callers.ts';
import { createEcho } from '../scene/echo.ts';
import { closeScene, use } from '../scene/end.ts';
import { createProxy } from '../scene/proxy.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const bodyOf = (text: string) => ({ body: Buffer.from(text) });
const textOf = ({ body }: { readonly body: Uint8Array }): string => Buffer.from(body).toString();

async function failureOf(call: Promise<unknown>): Promise<CallError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof CallError, String(error));
  return error;
}

describe('a live call that cannot be made now', () => {
  afterEach(closeScene);

  it('ends at once while the server is away, and has not started', async () => {
    const scene = await startScene();
    // Holds the port, which could be that of another server by then.
    const proxy = use(await createProxy(scene.address));
    proxy.refuse();
    const echo = use(createCaller(connectTo(proxy.address))).stub(Echo);
    const { code, started } = await failureOf(echo.unary({}));
    assert.deepEqual([code, started], ['UNAVAILABLE', 'no']);
    assert.equal((await failureOf(echo.chat([{}]).next())).started, 'no');
    const late = await failureOf(echo.unary({}, { waitMs: 300 }));
    assert.deepEqual([late.code, late.started], ['UNAVAILABLE', 'no']);
    const over = await failureOf(echo.unary({}, { waitMs: 60_000, deadlineMs: 1_000 }));
    assert.deepEqual([over.code, over.started], ['DEADLINE_EXCEEDED', 'no']);
    assert.match(over.message, /cannot be reached/);
  });

  it('ends with its deadline, also where that passes while the next try is planned', async () => {
    const scene = await startScene();
    const proxy = use(await createProxy(scene.address));
    proxy.refuse();
    let aheadMs = 0;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + aheadMs };
    // Drawn with every failure, for the pause before the next try.
    const random = (): number => {
      aheadMs += 60_000;
      return 0.5;
    };
    const echo = use(createCaller({ ...connectTo(proxy.address), clock, random })).stub(Echo);
    const { code, started } = await failureOf(echo.unary({}, { waitMs: 600_000, deadlineMs: 50_000 }));
    assert.deepEqual([code, started], ['DEADLINE_EXCEEDED', 'no']);
  });

  it('waits for the server and for somebody who serves it, with its requests untouched', async () => {
    const { address } = await startScene();
    const proxy = use(await createProxy(address));
    proxy.refuse();
    const echo = use(createCaller({ ...connectTo(proxy.address), waitMs: 20_000 })).stub(Echo);
    let takenCount = 0;
    async function* bodies() {
      for (; takenCount < 3; takenCount++) yield bodyOf('x');
    }
    const unary = echo.unary(bodyOf('patient'));
    const upload = echo.up(bodies());
    await assert.rejects(echo.unary({}, { waitMs: 0 }), { code: 'UNAVAILABLE' });
    assert.equal(takenCount, 0);
    proxy.accept();
    await startCallee(address);
    assert.equal(textOf(await unary), 'patient');
    assert.equal((await upload).messages, 3);
  });

  it('waits for the client that it names, and for room', async () => {
    const { address } = await startScene();
    const named = (name: string) => ({ ...createEcho(), unary: () => bodyOf(name) });
    await startCallee(address, named('a'), { clientId: 'a', labels: { site: 'a' } });
    const echo = use(createCaller({ ...connectTo(address), clientId: 'b' })).stub(Echo);
    const absent = await failureOf(echo.unary({}));
    assert.deepEqual([absent.code, absent.started, absent.isMarked], ['UNAVAILABLE', 'no', true]);
    const waiting = echo.unary({}, { waitMs: 20_000 });
    assert.equal(textOf(await echo.unary({}, { selector: 'site=a' })), 'a', 'of the call, in place of the caller’s');
    await startCallee(address, named('b'), { clientId: 'b' });
    assert.equal(textOf(await waiting), 'b');
  });

  it('is made again elsewhere when a server that goes has not taken it, and not when it has begun', async () => {
    const [old, next] = [await startScene(), await startScene()];
    const running = Promise.withResolvers<void>();
    let runs = 0;
    const named = (name: string) => ({
      ...createEcho(),
      async unary({ body }: { body: Uint8Array }) {
        if (Buffer.from(body).toString() !== 'long') return bodyOf(name);
        runs += 1;
        running.resolve();
        return new Promise<never>(() => {});
      },
    });
    await startCallee(old.address, named('old'));
    await startCallee(next.address, named('next'));
    const proxy = use(await createProxy(old.address));
    const echo = use(createCaller(connectTo(proxy.address))).stub(Echo);
    const long = failureOf(echo.unary(bodyOf('long')));
    await running.promise;
    proxy.retarget(next.address);
    const stopping = old.stop({ deadlineMs: 1_000 });
    await until('the next one answers, and no call fails', async () => textOf(await echo.unary({})) === 'next');
    await stopping;
    const { started } = await long;
    assert.deepEqual([started, runs], ['maybe', 1]);
  });

  it('waits on over an orderly restart of the server', async () => {
    const scene = await startScene();
    const echo = use(createCaller({ ...connectTo(scene.address), waitMs: 60_000 })).stub(Echo);
    const waiting = echo.unary(bodyOf('x'));
    // Over the same connection it comes after that one.
    const { code, started } = await failureOf(echo.unary(bodyOf('y'), { waitMs: 0 }));
    assert.deepEqual([code, started], ['UNIMPLEMENTED', 'no']);
    await scene.stop({ deadlineMs: 60_000 });
    await scene.start();
    await startCallee(scene.address);
    assert.equal(textOf(await waiting), 'x');
  });

  it('is not made again once its callee has heard of it', async () => {
    const { address } = await startScene();
    const running = Promise.withResolvers<void>();
    let runs = 0;
    const handlers = {
      ...createEcho(),
      async unary({ body }: { body: Uint8Array }) {
        if (body.byteLength === 0) return { body };
        runs += 1;
        running.resolve();
        return new Promise<never>(() => {});
      },
    };
    const proxy = use(await createProxy(address));
    await startCallee(address, handlers, { clientId: 'other' });
    const echo = use(createCaller({ ...connectTo(address), waitMs: 2_000 })).stub(Echo);
    await startCallee(proxy.address, handlers);
    const call = failureOf(echo.unary(bodyOf('x'), { clientId: 'callee' }));
    await running.promise;
    proxy.refuse();
    proxy.cut();
    const { code, started } = await call;
    assert.deepEqual([code, started, runs], ['UNAVAILABLE', 'maybe', 1]);
  });

  it('may be made again by who hears that its own connection broke, who is told that it may have begun', async () => {
    const { address } = await startScene();
    const log = { aborted: [], readCount: 0 };
    await startCallee(address, createEcho(log));
    const proxy = use(await createProxy(address));
    const echo = use(createCaller({ ...connectTo(proxy.address), waitMs: 2_000 })).stub(Echo);
    const chat = echo.chat([bodyOf('!sleep')]);
    const answer = failureOf(chat.next());
    await until('it is there', () => log.readCount === 1);
    proxy.cut();
    const { code, started } = await answer;
    assert.deepEqual([code, started], ['UNAVAILABLE', 'maybe']);
    assert.equal(textOf(await echo.unary(bodyOf('a new connection'))), 'a new connection');
  });

  it('that breaks off a thousand others at once loses its connection, and gets a new one', async () => {
    const { address } = await startScene();
    await startCallee(address);
    const echo = use(createCaller(connectTo(address))).stub(Echo);
    let brokenOff = 0;
    async function breakOff(): Promise<void> {
      for await (const _ of echo.down({ count: 3 })) break;
      brokenOff += 1;
    }
    const lost = await failureOf(
      (async () => {
        while (brokenOff < 2_000) await Promise.all(Array.from({ length: 16 }, breakOff));
      })(),
    );
    assert.deepEqual([lost.isMarked, lost.started, brokenOff >= 900], [false, 'maybe', true], String(lost));
    assert.ok(['INTERNAL', 'UNAVAILABLE'].includes(lost.code), lost.code);
    assert.equal(textOf(await echo.unary(bodyOf('a new connection'))), 'a new connection');
  });
});
