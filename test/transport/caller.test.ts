import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { anyPack, anyUnpack, FileDescriptorSetSchema, StringValueSchema } from '@bufbuild/protobuf/wkt';
import { Metadata, status } from '@grpc/grpc-js';
import { CallError, createCaller, type ServiceHandlers } from '../../client/index.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { startCallee } from '../scene/callers.ts';
import { createEcho, type EchoLog } from '../scene/echo.ts';
import { closeScene, use } from '../scene/end.ts';
import { writeStatus } from '../scene/rpcstatus.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const bodyOf = (text: string) => ({ body: Buffer.from(text) });
const textOf = ({ body }: { readonly body: Uint8Array }): string => Buffer.from(body).toString();

async function start(handlers: ServiceHandlers<typeof Echo> = {}) {
  const scene = await startScene();
  const callee = await startCallee(scene.address, { ...createEcho(), ...handlers });
  const caller = use(createCaller({ ...connectTo(scene.address) }));
  return { scene, callee, caller, echo: caller.stub(Echo) };
}

describe('caller.stub()', () => {
  afterEach(closeScene);

  it('calls methods of all four kinds, typed', async () => {
    const { echo } = await start();
    assert.equal(textOf(await echo.unary(bodyOf('hello'))), 'hello');
    const counts: number[] = [];
    for await (const { count } of echo.down({ ...bodyOf('x'), count: 40 })) counts.push(count);
    assert.deepEqual(
      counts,
      Array.from({ length: 40 }, (_, at) => at),
    );
    async function* bodies() {
      yield bodyOf('one');
      yield bodyOf('two');
    }
    const { messages, bytes } = await echo.up(bodies());
    assert.deepEqual([messages, bytes], [2, 6n]);
    assert.deepEqual((await echo.up([bodyOf('a')])).messages, 1, 'an array will do');
    const chat: string[] = [];
    for await (const answer of echo.chat(bodies())) chat.push(textOf(answer));
    assert.deepEqual(chat, ['one', 'two']);
  });

  it('asks and answers in turns over a stream that goes both ways', async () => {
    const { echo } = await start();
    let say = Promise.withResolvers<string | undefined>();
    async function* questions() {
      for (let text = await say.promise; text !== undefined; text = await say.promise) {
        say = Promise.withResolvers();
        yield bodyOf(text);
      }
    }
    const answers = echo.chat(questions());
    for (const text of ['first', 'second']) {
      const answer = answers.next();
      say.resolve(text);
      assert.equal(textOf((await answer).value!), text);
    }
    const last = answers.next();
    say.resolve(undefined);
    assert.deepEqual(await last, { done: true, value: undefined });
  });

  it('sends metadata with repeated keys and bytes, and tells headers and trailers', async () => {
    const { echo } = await start();
    const told: Record<string, unknown> = {};
    const metadata = { 'x-initial': ['a', 'b'], 'x-trailing-bin': [Buffer.from([0, 255]), Buffer.from([1])] };
    const onHeaders = (headers: Metadata) => {
      told.headers = headers.get('x-initial');
    };
    const onTrailers = (trailers: Metadata) => {
      told.trailers = trailers.get('x-trailing-bin');
    };
    const answer = await echo.unary(bodyOf('!metadata'), { metadata, onHeaders, onTrailers });
    assert.deepEqual(JSON.parse(textOf(answer))['x-initial'], ['a', 'b']);
    assert.deepEqual(told, { headers: ['a, b'], trailers: [Buffer.from([0, 255]), Buffer.from([1])] });
    const given = new Metadata();
    given.add('x-initial', 'one');
    given.add('x-initial', 'two');
    const again = JSON.parse(textOf(await echo.unary(bodyOf('!metadata'), { metadata: given })));
    assert.deepEqual(again['x-initial'], ['one', 'two']);
  });

  it('rejects with the status, the words, the trailers and the details that the handler has said', async () => {
    const detail = anyPack(StringValueSchema, { $typeName: 'google.protobuf.StringValue', value: 'why' });
    const { echo } = await start({
      unary({ body }) {
        if (body.byteLength === 0) return { body };
        const metadata = new Metadata();
        metadata.set('grpc-status-details-bin', writeStatus(9, 'no', detail));
        metadata.set('x-reason', 'mine');
        throw Object.assign(new Error('no'), { code: status.DATA_LOSS, details: 'nö', metadata });
      },
    });
    const error = await failureOf(echo.unary(bodyOf('x')));
    assert.deepEqual([error.status, error.code, error.message], [status.DATA_LOSS, 'INTERNAL', 'nö']);
    assert.deepEqual([error.started, error.retry, error.metadata.get('x-reason')], ['maybe', undefined, ['mine']]);
    assert.deepEqual(anyUnpack(error.details[0]!, StringValueSchema)?.value, 'why');
    assert.equal(anyUnpack(error.details[0]!, FileDescriptorSetSchema), undefined);
  });

  it('gives what was answered before the error, and then the error', async () => {
    const { echo } = await start({
      async *down({ body }) {
        yield { body };
        throw Object.assign(new Error('enough'), { code: status.ABORTED });
      },
    });
    const answers = echo.down(bodyOf('x'));
    assert.equal(textOf((await answers.next()).value!), 'x');
    assert.equal((await failureOf(answers.next())).code, 'ABORTED');
    assert.deepEqual(await answers.next(), { done: true, value: undefined });
  });

  it('says when calling again makes sense, in the words of the server', async () => {
    const { echo } = await start();
    const absent = await failureOf(echo.unary({}, { clientId: 'nobody' }));
    assert.deepEqual([absent.code, absent.retry, absent.started], ['UNAVAILABLE', 'backoff', 'no']);
  });

  it('refuses what is wrong in the caller’s own turn, and names it', async () => {
    const { caller, echo } = await start();
    const refuse = (field: string) => ({ code: 'INVALID_ARGUMENT', field });
    for (const [options, field] of [
      [{ deadlineMs: -1 }, 'deadlineMs'],
      [{ clientId: 'a b' }, 'clientId'],
      [{ clientId: 'a', selector: 'b=c' }, 'selector'],
      [{ selector: 'ä=b' }, 'selector'],
      [{ metadata: { 'contact-wait': '1s' } }, 'metadata["contact-wait"]'],
      [{ metadata: { 'grpc-timeout': '1S' } }, 'metadata["grpc-timeout"]'],
      [{ metadata: { 'x-bin': 'text' } }, 'metadata["x-bin"]'],
      [{ metadata: { x: new Uint8Array(1) } }, 'metadata["x"]'],
      [{ metadata: { x: 'line\nbreak' } }, 'metadata["x"]'],
      [{ metadata: { 'X-Upper': 'x' } }, 'metadata["X-Upper"]'],
      [{ metadata: JSON.parse('{"__proto__": "x"}') }, 'metadata["__proto__"]'],
      [{ metadata: { x: 'x'.repeat(9_000) } }, 'metadata'],
      [{ key: 'k' }, 'key'],
      [{ mode: 'durable', waitMs: 1 }, 'waitMs'],
      [{ odd: 1 }, 'odd'],
    ] as const) {
      await assert.rejects(echo.unary({}, options as object), refuse(field));
      assert.throws(() => echo.down({}, options as object), refuse(field === 'waitMs' ? 'mode' : field));
    }
    await assert.rejects(echo.unary({ count: -1 }), refuse('count'));
    await assert.rejects(echo.unary(null as never), refuse('request'));
    await assert.rejects(echo.unary({ coutn: 1 } as never), refuse('coutn'));
    await assert.rejects(caller.keep('echo.Echo/Unary' as never, {} as never), refuse('method'));
    await assert.rejects(caller.answer(undefined as never, 'none'), refuse('method'));
    assert.throws(() => caller.stub({} as never), refuse('service'));
    assert.throws(() => echo.down({ count: 2 ** 32 }), refuse('count'));
    await assert.rejects(echo.up(null as never), refuse('requests'));
    await assert.rejects(echo.up([bodyOf('x'), { count: -1 }]), refuse('count'));
    assert.throws(() => echo.chat([], { mode: 'durable' }), refuse('mode'));
    await assert.rejects(caller.answer(Echo.method.unary, 'none'), refuse('taskId'));
    for (const [options, field] of [
      [{ mode: 'later' }, 'mode'],
      [{ waitMs: 'long' }, 'waitMs'],
      [{ selector: '' }, 'selector'],
      [{ signal: AbortSignal.abort() }, 'signal'],
    ] as const) {
      assert.throws(() => createCaller({ server: '127.0.0.1:1', ...options } as never), refuse(field));
    }
  });

  it('is cancelled by a signal, at its callee too, be it in the turn in which it was made', async () => {
    const log: EchoLog = { aborted: [], readCount: 0 };
    const { echo, callee } = await start(createEcho(log));
    const cancelling = new AbortController();
    const sleeping = failureOf(echo.unary(bodyOf('!sleep'), { signal: cancelling.signal }));
    await echo.unary(bodyOf('another'));
    cancelling.abort();
    assert.deepEqual([(await sleeping).code, (await sleeping).started], ['CANCELLED', 'maybe']);
    await until('the handler was told', () => log.aborted.length === 1);
    const before = await failureOf(echo.unary(bodyOf('!sleep'), { signal: AbortSignal.abort() }));
    assert.deepEqual([before.code, before.started], ['CANCELLED', 'no']);
    const now = new AbortController();
    const soon = failureOf(echo.unary(bodyOf('!sleep'), { signal: now.signal }));
    now.abort();
    assert.equal((await soon).code, 'CANCELLED');
    await echo.unary(bodyOf('later'));
    await callee.drain({ deadlineMs: 20_000 });
    assert.ok(log.aborted.length <= 2, 'no call stays open');
  });

  it('is cancelled by who leaves the loop, or does not wait for the next answer', async () => {
    const log: EchoLog = { aborted: [], readCount: 0 };
    const { echo } = await start(createEcho(log));
    let isClosed = false;
    async function* endless() {
      try {
        for (;;) yield bodyOf('x');
      } finally {
        isClosed = true;
      }
    }
    for await (const _ of echo.chat(endless())) break;
    await until('the source is closed', () => isClosed);
    const answers = echo.chat([bodyOf('!sleep')]);
    const pending = answers.next();
    await until('it is there', () => log.readCount >= 2);
    assert.deepEqual(await answers.return(), { done: true, value: undefined });
    assert.deepEqual(await pending, { done: true, value: undefined });
    await until('its handler was told', () => log.aborted.includes('Chat'));
  });

  it('ends at its deadline, which the callee knows', async () => {
    const log: EchoLog = { aborted: [], readCount: 0 };
    const { echo } = await start(createEcho(log));
    const late = await failureOf(echo.unary(bodyOf('!sleep'), { deadlineMs: 100 }));
    assert.deepEqual([late.code, late.status], ['DEADLINE_EXCEEDED', status.DEADLINE_EXCEEDED]);
    await until('the handler was told', () => log.aborted.length === 1);
    const { deadline } = JSON.parse(textOf(await echo.unary(bodyOf('!metadata'), { deadlineMs: 20_000 })));
    assert.ok(Math.abs(Date.parse(deadline) - Date.now() - 20_000) < 5_000);
    await assert.rejects(echo.chat([bodyOf('!sleep')], { deadlineMs: 50 }).next(), { code: 'DEADLINE_EXCEEDED' });
  });

  it('rejects with what the source of its requests has thrown', async () => {
    const { echo } = await start();
    async function* broken() {
      yield bodyOf('one');
      throw new Error('no more paper');
    }
    await assert.rejects(echo.up(broken()), { message: 'no more paper' });
    await assert.rejects(async () => {
      for await (const _ of echo.chat(broken()));
    }, /no more paper/);
  });

  it('makes a source wait for a callee that does not read, and a callee for a loop that does not', async () => {
    const never = Promise.withResolvers<void>();
    let madeCount = 0;
    const { echo } = await start({
      up: async () => never.promise.then(() => ({})),
      async *down({ body }) {
        for (; ; madeCount++) yield { body };
      },
    });
    let takenCount = 0;
    async function* large() {
      for (; ; takenCount++) yield { body: Buffer.alloc(100_000) };
    }
    const upload = echo.up(large()).catch(() => undefined);
    await until('it has begun', () => takenCount > 2);
    await untilStill(() => takenCount);
    assert.ok(takenCount * 100_000 < 4_000_000, `${takenCount} were taken`);
    never.resolve();
    await upload;
    const download = echo.down({ body: Buffer.alloc(100_000) });
    await download.next();
    await untilStill(() => madeCount);
    assert.ok(madeCount * 100_000 < 8_000_000, `${madeCount} were made`);
    await download.return();
  });

  it('takes an answer that comes before its source is at its end, and closes that', async () => {
    const { echo } = await start();
    let isClosed = false;
    let takenCount = 0;
    async function* endless() {
      try {
        yield { count: 99 };
        for (; ; takenCount++) yield bodyOf('x');
      } finally {
        isClosed = true;
      }
    }
    assert.ok((await echo.up(endless())).messages >= 1);
    assert.ok(takenCount < 5_000, `the answer is read only after ${takenCount} messages`);
    await until('the source is closed', () => isClosed);
  });

  it('ends all of its calls when it is closed', async () => {
    const log: EchoLog = { aborted: [], readCount: 0 };
    const { caller, echo } = await start(createEcho(log));
    const ended = [echo.unary(bodyOf('!sleep')), echo.chat([bodyOf('!sleep')]).next()].map(failureOf);
    await until('both are there', () => log.readCount === 1);
    await caller.close();
    for (const one of ended) assert.equal((await one).code, 'CANCELLED');
    await until('both handlers were told', () => log.aborted.length === 2);
    await assert.rejects(echo.unary({}), { code: 'CANCELLED' });
  });
});

async function failureOf(call: Promise<unknown>): Promise<CallError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof CallError, String(error));
  return error;
}

/** Resolves when a count has stayed as it is for a while: what flows has come to a stop. */
async function untilStill(count: () => number): Promise<void> {
  for (let last = -1; last !== count(); await sleep(300)) last = count();
}
