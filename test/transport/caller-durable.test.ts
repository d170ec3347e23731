import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { status } from '@grpc/grpc-js';
import { type CallContext, CallError, createAdmin, createCaller, newTaskId } from '../../client/index.ts';
import { Echo, type Message } from '../echo/gen/echo_pb.ts';
import { startCallee } from '../scene/callers.ts';
import { createEcho } from '../scene/echo.ts';
import { atEnd, closeScene, use } from '../scene/end.ts';
import { createProxy } from '../scene/proxy.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const { unary } = Echo.method;
const bodyOf = (text: string) => ({ body: Buffer.from(text) });
const textOf = ({ body }: { readonly body: Uint8Array }): string => Buffer.from(body).toString();

/** Handlers that count what they run beside the empty calls of the scene. */
function counted() {
  const ran: string[] = [];
  const echo = createEcho();
  const handlers = {
    ...echo,
    unary(request: Message, context: CallContext) {
      const text = Buffer.from(request.body).toString();
      if (text !== '') ran.push(text);
      if (text === 'lost') throw Object.assign(new Error('no such robot'), { code: status.NOT_FOUND });
      return echo.unary!(request, context);
    },
  };
  return { ran, handlers };
}

async function failureOf(call: Promise<unknown>): Promise<CallError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof CallError, String(error));
  return error;
}

describe('a durable call of a stub', () => {
  afterEach(closeScene);

  it('tells its task, waits for somebody who comes, and is answered', async () => {
    const { address } = await startScene();
    const echo = use(createCaller({ ...connectTo(address), mode: 'durable' })).stub(Echo);
    const told = Promise.withResolvers<string>();
    const answer = echo.unary(bodyOf('later'), { onTask: told.resolve });
    const taskId = await told.promise;
    const { ran, handlers } = counted();
    await startCallee(address, handlers);
    assert.equal(textOf(await answer), 'later');
    const admin = use(createAdmin(connectTo(address)));
    assert.equal((await admin.describeTask(taskId)).queue, 'echo.Echo/Unary');
    assert.deepEqual(ran, ['later']);
    assert.equal(textOf(await echo.unary(bodyOf('now'), { mode: 'live' })), 'now');
  });

  it('is stored while the server is away, and waited for while its lines break and the server starts again', async () => {
    const scene = await startScene({ isDurable: true });
    const proxy = use(await createProxy(scene.address));
    const caller = use(createCaller(connectTo(proxy.address)));
    await scene.stop();
    const told: string[] = [];
    const onTask = (id: string) => void told.push(id);
    const early = caller.stub(Echo).unary(bodyOf('early'), { mode: 'durable', onTask, deadlineMs: 50_000 });
    const keeping = caller.keep(unary, bodyOf('kept'));
    await scene.start();
    const kept = await keeping;
    const waiting = kept.answer({ deadlineMs: 50_000 });
    await scene.stop({ deadlineMs: 0 });
    await scene.start();
    proxy.cut();
    const other = use(createCaller(connectTo(scene.address)));
    const elsewhere = other.answer(unary, kept.taskId);
    const { ran, handlers } = counted();
    await startCallee(scene.address, handlers, { concurrency: 2 });
    assert.equal(textOf(await early), 'early');
    assert.equal(textOf(await waiting), 'kept');
    assert.equal(textOf(await elsewhere), 'kept');
    assert.equal(textOf(await other.answer(unary, kept.taskId)), 'kept', 'as often as somebody asks');
    assert.deepEqual(ran.toSorted(), ['early', 'kept'], 'each was stored once');
    assert.equal(told.length, 1);
  });

  it('is waited for as long as it takes behind a proxy that ends its stream again and again', async () => {
    const taskId = newTaskId();
    const proxy = createServer();
    atEnd(() => void proxy.close());
    let isDone = false;
    let tries = 0;
    proxy.on('stream', (stream) => {
      stream.on('error', () => undefined);
      tries += 1;
      const type = { 'content-type': 'application/grpc' };
      if (isDone) {
        stream.respond(
          { ...type, 'grpc-status': '9', 'grpc-message': 'so', 'contact-state': 'failed' },
          { endStream: true },
        );
        return;
      }
      stream.respond({ ...type, 'contact-task': taskId });
      stream.close(constants.NGHTTP2_NO_ERROR);
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const { port } = proxy.address() as AddressInfo;
    const caller = use(createCaller(connectTo(`127.0.0.1:${port}`)));
    const failed = failureOf(caller.answer(unary, taskId, { deadlineMs: 50_000 }));
    // Longer than it would take an old server's mistake for one.
    const since = performance.now();
    await until('it has tried on', () => tries > 5 && performance.now() - since > 6_000);
    isDone = true;
    const { code, message, taskState } = await failed;
    assert.deepEqual([code, message, taskState], ['FAILED_PRECONDITION', 'so', 'failed']);
  });

  it('is one task under one key, also when another caller says it', async () => {
    const { address } = await startScene();
    const ids: string[] = [];
    for (let at = 0; at < 2; at++) {
      const caller = use(createCaller(connectTo(address)));
      ids.push((await caller.keep(unary, bodyOf('x'), { key: 'once' })).taskId);
    }
    assert.equal(ids[0], ids[1]);
    const third = use(createCaller(connectTo(address)));
    const other = await failureOf(third.keep(unary, bodyOf('y'), { key: 'once' }));
    assert.deepEqual([other.code, other.field], ['ALREADY_EXISTS', 'contact-key']);
  });

  it('rejects with what its task came to, and with nothing else', async () => {
    const { address } = await startScene();
    await startCallee(address, counted().handlers);
    const caller = use(createCaller(connectTo(address)));
    const { taskId, answer } = await caller.keep(unary, bodyOf('lost'));
    const lost = await failureOf(answer());
    assert.deepEqual([lost.code, lost.message, lost.taskState], ['NOT_FOUND', 'no such robot', 'failed']);
    assert.equal(lost.taskId, taskId);
    const away = await caller.keep(unary, bodyOf('x'), { clientId: 'nobody' });
    const late = await failureOf(away.answer({ deadlineMs: 100 }));
    assert.deepEqual([late.code, late.taskId, late.taskState], ['DEADLINE_EXCEEDED', away.taskId, undefined]);
    const given = new AbortController();
    const waiting = failureOf(away.answer({ signal: given.signal }));
    given.abort();
    assert.deepEqual([(await waiting).code, (await waiting).taskState], ['CANCELLED', undefined]);
    await use(createAdmin(connectTo(address))).cancelTasks({ ids: [away.taskId] });
    const cancelled = await failureOf(away.answer());
    assert.deepEqual([cancelled.code, cancelled.taskState], ['CANCELLED', 'cancelled']);
    assert.equal((await failureOf(caller.answer(unary, newTaskId()))).code, 'NOT_FOUND');
  });
});
