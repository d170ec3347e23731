import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { compressionAlgorithms, status } from '@grpc/grpc-js';
import { plainEnd } from '../../tunnel/frame.ts';
import { MessageSchema } from '../echo/gen/echo_pb.ts';
import { createCaller, digest, startCallee } from '../scene/callers.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { dial, frame, open, readEnd } from '../scene/http2.ts';
import { openServe } from '../scene/rawcallee.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const UNARY = 'echo.Echo/Unary';

const message = (body: Buffer): Buffer => Buffer.from(toBinary(MessageSchema, create(MessageSchema, { body })));

describe('a call with compressed messages', () => {
  afterEach(closeScene);

  /** A call by hand whose request is compressed by gzip. */
  function call(address: string, request: Buffer, headers: Readonly<Record<string, string>> = {}) {
    const session = dial({ address });
    atEnd(() => session.destroy());
    const stream = open(session, `/${UNARY}`, { 'grpc-encoding': 'gzip', ...headers });
    stream.end(frame(request, true));
    return stream;
  }

  for (const algorithm of [compressionAlgorithms.gzip, compressionAlgorithms.deflate]) {
    it(`reaches a callee that takes none: ${compressionAlgorithms[algorithm]}`, async () => {
      const { address } = await startScene();
      await startCallee(address);
      const { unary } = createCaller(address, { 'grpc.default_compression_algorithm': algorithm });
      for (const size of [0, 10, 1_000, 300_000, 3_000_000]) {
        const { code, bodies } = await unary(Buffer.alloc(size, 'a'));
        assert.deepEqual([code, bodies.length], [status.OK, 1]);
      }
    });
  }

  it('reaches a callee that takes them as they are', async () => {
    const { address } = await startScene();
    const callee = await openServe(address, 'raw', { methods: [UNARY], acceptEncodings: ['gzip'] });
    const compressed = gzipSync(message(Buffer.from('hello')));
    const ended = readEnd(call(address, compressed));
    await until('it is opened', () => callee.opened.length === 1);
    const [opened] = callee.frames;
    assert.ok(opened!.data!.equals(compressed));
    assert.equal(opened!.compressed, true);
    assert.equal(opened!.open!.metadata.find(({ key }) => key === 'grpc-encoding')?.value, 'gzip');
    callee.answer(opened!, 'done');
    assert.equal((await ended).code, status.OK);
  });

  it('reaches a callee that takes none without a word of how they were compressed', async () => {
    const { address } = await startScene();
    const callee = await openServe(address, 'raw', { methods: [UNARY] });
    const ended = readEnd(call(address, gzipSync(message(Buffer.from('hello')))));
    await until('its request is there', () => callee.frames.some(({ halfClose }) => halfClose));
    const keys = callee.opened[0]!.open!.metadata.map(({ key }) => key);
    assert.ok(!keys.includes('grpc-encoding'), String(keys));
    const data = callee.frames.find((one) => one.data);
    assert.deepEqual([data!.data, data!.compressed], [message(Buffer.from('hello')), false]);
    callee.answer(callee.opened[0]!, 'done');
    assert.equal((await ended).code, status.OK);
  });

  it('is UNIMPLEMENTED in an encoding that nobody knows, and says which are known', async () => {
    const { address } = await startScene();
    await openServe(address, 'raw', { methods: [UNARY], acceptEncodings: ['zstd', 'gzip'] });
    for (const mode of ['live', 'durable']) {
      const stream = call(address, Buffer.from('x'), { 'grpc-encoding': 'snappy', 'contact-mode': mode });
      const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
      assert.equal(headers['grpc-status'], String(status.UNIMPLEMENTED));
      const known = mode === 'live' ? 'identity,deflate,gzip,zstd' : 'identity,deflate,gzip';
      assert.equal(headers['grpc-accept-encoding'], known);
      assert.equal(decodeURI(String(headers['grpc-message'])), 'grpc-encoding: messages in snappy are not taken');
    }
  });

  it('ends when a message is too large once it is unpacked, or cannot be, and its callee is told', async () => {
    const { address } = await startScene();
    const callee = await openServe(address, 'raw', { methods: [UNARY] });
    const bomb = gzipSync(Buffer.alloc(20_000_000));
    assert.equal((await readEnd(call(address, bomb))).code, status.RESOURCE_EXHAUSTED);
    assert.equal((await readEnd(call(address, Buffer.from('no gzip')))).code, status.INTERNAL);
    // Of the second it may not even have heard.
    const cancelled = () => callee.frames.filter(({ cancel }) => cancel).length;
    await until('it knows', () => callee.opened.length > 0 && cancelled() === callee.opened.length);
    assert.ok(!callee.frames.some(({ data }) => data));
  });

  it('is unpacked where it is larger than what is read ahead, and than a window, compressed too', async () => {
    const { address } = await startScene();
    await startCallee(address);
    const body = randomBytes(1_500_000);
    const { unary } = createCaller(address, { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip });
    const replies = await Promise.all([1, 2, 3].map(() => unary(body)));
    for (const { code, bodies } of replies) assert.deepEqual([code, bodies], [status.OK, [digest(body)]]);
  });

  it('is stored with a message that is not compressed when it is durable', async () => {
    const { address } = await startScene();
    await startCallee(address);
    const body = Buffer.alloc(200_000, 'b');
    const { unary } = createCaller(address, { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip });
    const { code, bodies, headers, details } = await unary(body, { metadata: { 'contact-mode': 'durable' } });
    assert.deepEqual([code, bodies.length, Array.isArray(headers['contact-task'])], [status.OK, 1, true], details);
  });

  describe('of its callee', () => {
    const answer = message(Buffer.alloc(50_000, 'c'));

    /** How a callee answers in gzip: in two messages, of which the second is not compressed. */
    async function answerInGzip(accepted: string | undefined, encoding = 'gzip') {
      const { address } = await startScene();
      const callee = await openServe(address, 'raw', { methods: [UNARY] });
      const headers = accepted === undefined ? undefined : { 'grpc-accept-encoding': accepted };
      const stream = call(address, gzipSync(message(Buffer.from('x'))), headers);
      const data: Buffer[] = [];
      stream.on('data', (piece: Buffer) => data.push(piece));
      const responded = once(stream, 'response') as Promise<[IncomingHttpHeaders]>;
      const ended = readEnd(stream);
      await until('it is opened', () => callee.opened.length === 1);
      const { call: id } = callee.opened[0]!;
      const pair = { key: 'grpc-encoding', value: encoding };
      callee.say(
        { call: id, headers: [pair], data: gzipSync(answer), compressed: true },
        { call: id, data: answer.subarray(0, 10), end: plainEnd(0, 'fine') },
      );
      const [told] = await responded;
      return { told, end: await ended, body: () => Buffer.concat(data) };
    }

    it('is given back to the callee as it comes, so that it may be larger than a window', async () => {
      const { address } = await startScene();
      const callee = await openServe(address, 'raw', { methods: [UNARY] });
      const whole = message(randomBytes(400_000));
      const compressed = gzipSync(whole);
      const stream = call(address, gzipSync(message(Buffer.from('x'))));
      const data: Buffer[] = [];
      stream.on('data', (piece: Buffer) => data.push(piece));
      const ended = readEnd(stream);
      await until('it is opened', () => callee.opened.length === 1);
      const { call: id } = callee.opened[0]!;
      let room = 262_144;
      let windowCount = 0;
      for (let at = 0; at < compressed.byteLength; at += 16_384) {
        await until('there is room', () => {
          for (; windowCount < callee.frames.length; windowCount++) room += callee.frames[windowCount]!.window;
          return room >= 16_384 + 32;
        });
        const chunk = compressed.subarray(at, at + 16_384);
        const more = at + 16_384 < compressed.byteLength;
        room -= chunk.byteLength + (more ? 0 : 32);
        const begins = at === 0;
        callee.say({
          call: id,
          ...(begins ? { headers: [{ key: 'grpc-encoding', value: 'gzip' }], size: compressed.byteLength } : {}),
          compressed: begins,
          data: chunk,
          more,
          ...(more ? {} : { end: plainEnd(0, 'fine') }),
        });
      }
      assert.deepEqual(await ended, { code: status.OK, message: 'fine' });
      assert.ok(Buffer.concat(data).equals(frame(whole)));
    });

    it('goes on as it is to a caller that takes it', async () => {
      const { told, end, body } = await answerInGzip('identity, deflate, gzip');
      assert.deepEqual([told['grpc-encoding'], end.code, end.message], ['gzip', status.OK, 'fine']);
      assert.ok(body().equals(Buffer.concat([frame(gzipSync(answer), true), frame(answer.subarray(0, 10))])));
    });

    for (const accepted of [undefined, 'identity', 'deflate,identity']) {
      it(`is unpacked for a caller that takes ${accepted}`, async () => {
        const { told, end, body } = await answerInGzip(accepted);
        assert.deepEqual([told['grpc-encoding'], end.code, end.message], [undefined, status.OK, 'fine']);
        assert.ok(body().equals(Buffer.concat([frame(answer), frame(answer.subarray(0, 10))])));
      });
    }

    it('is INTERNAL in an encoding that neither its caller nor the server knows', async () => {
      const { end } = await answerInGzip('identity', 'snappy');
      assert.equal(end.code, status.INTERNAL);
    });
  });
});
