import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import type { ClientHttp2Stream } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { atEnd, closeScene } from '../scene/end.ts';
import { isFull } from '../scene/full.ts';
import { dial, frame, open, readEnd } from '../scene/http2.ts';
import { openServe } from '../scene/rawcallee.ts';
import { until } from '../scene/until.ts';
import { prepareAttacks, scale, WITNESS } from './attack.ts';

const DOWN = '/bad.Service/Down';
const ANNOUNCED = { methods: [DOWN.slice(1)], maxCalls: 10_000 };
const EMPTY = frame(Buffer.alloc(0));
const KIB = 1 << 10;
const BAD = { 'contact-client': 'bad' };

type Calling = { readonly address: string };

/** Calls by hand, so many at a time on each connection. */
function openCalls(
  server: Calling,
  count: number,
  each: (stream: ClientHttp2Stream, at: number) => void,
  path = DOWN,
  headers = {},
) {
  const perSession = 1_000;
  const streams: ClientHttp2Stream[] = [];
  for (let at = 0; at < count; at += perSession) {
    const session = dial(server);
    atEnd(() => session.destroy());
    for (let n = at; n < Math.min(count, at + perSession); n++) {
      const stream = open(session, path, headers);
      each(stream, n);
      streams.push(stream);
    }
  }
  return streams;
}

describe('attack by callees', () => {
  const attack = prepareAttacks({ isCalled: true });

  afterEach(closeScene);

  it('empty messages without end, for one call and for calls that never were', async function () {
    await attack(this, async (server) => {
      const callee = await openServe(server.address, 'bad', ANNOUNCED);
      const [call] = openCalls(server, 1, (stream) => stream.end(EMPTY));
      await until('it is opened', () => callee.opened.length === 1);
      const { call: id } = callee.opened[0]!;
      const end = readEnd(call!);
      for (let n = 0; n < scale(20, 110); n++) {
        callee.say(
          ...Array.from({ length: 9_000 }, (_, at) => ({
            call: at % 2 ? id : 77,
            data: Buffer.alloc(0),
            window: at % 2 ? 0 : 2 ** 32 - 1,
          })),
        );
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal((await end).code, status.INTERNAL);
    });
  });

  it('answers in chunks of a byte, of which nothing is read', async function () {
    await attack(this, async (server) => {
      const callee = await openServe(server.address, 'bad', ANNOUNCED);
      const count = scale(3, 30);
      let ended = 0;
      openCalls(server, count, (stream) => {
        stream.once('close', () => {
          ended += 1;
        });
        stream.end(EMPTY);
      });
      await until('all are opened', () => callee.opened.length === count);
      const size = 260_000;
      for (const { call } of callee.opened) {
        callee.say({ call, data: Buffer.alloc(1), more: true, size });
        for (let sent = 1; sent < size - 1; ) {
          const chunks = Math.min(8_000, size - 1 - sent);
          callee.say(...Array.from({ length: chunks }, () => ({ call, data: Buffer.alloc(1), more: true })));
          sent += chunks;
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      await until('calls that hold too much end', () => ended > 0);
    });
  });

  it('announcements without end, whose answers nobody reads', async function () {
    await attack(this, async (server) => {
      const callee = await openServe(server.address, 'bad', ANNOUNCED);
      callee.pause();
      let hasEnded = false;
      void callee.ended.then(() => {
        hasEnded = true;
      });
      for (let n = 0; n < scale(60, 600) && !hasEnded; n++) {
        // Each is refused by its name, and the refusal names it.
        const methods = Array.from({ length: 1_000 }, (_, at) => `${'n'.repeat(230)}.${n}.${at}`);
        void callee.announce({ ...ANNOUNCED, methods });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
  });

  it('descriptors as large as may be, from many clients and again and again', async function () {
    await attack(this, async (server) => {
      const messageType = Array.from({ length: 550 }, (_, at) => ({
        name: `M${at}`,
        field: Array.from({ length: 35 }, (_, place) => ({ name: `f${place}`, number: place + 1, type: 9, label: 1 })),
      }));
      const file = [{ name: 'large.proto', package: 'large', syntax: 'proto3', messageType }];
      const set = create(FileDescriptorSetSchema, { file: file as never });
      const describe = (name: string): Uint8Array => {
        set.file[0]!.package = name;
        return toBinary(FileDescriptorSetSchema, set);
      };
      const size = describe('a').byteLength;
      assert.ok(size > 200 * KIB && size < 262_144, `${size} bytes`);
      const refused: string[] = [];
      for (let n = 0; n < scale(70, 150); n++) {
        const fileDescriptorSet = describe(`p${n}`);
        const callee = await openServe(server.address, `large-${n}`, { ...ANNOUNCED, fileDescriptorSet });
        if (isFull) await callee.announce({ ...ANNOUNCED, fileDescriptorSet: describe(`q${n}`) });
        if (callee.accepted.descriptorsRefused !== '') refused.push(callee.accepted.descriptorsRefused);
      }
      assert.match(refused[0] ?? 'none', /all clients together/);
    });
  });
});

describe('attack by callers of what clients serve', () => {
  const attack = prepareAttacks({ isCalled: true });

  afterEach(closeScene);

  it('methods that nobody serves, or nobody serves any more', async function () {
    await attack(this, async (server) => {
      const callee = await openServe(server.address, 'bad', ANNOUNCED);
      callee.cut();
      await callee.ended;
      for (const [path, code] of [
        ['/no.Such/Method', status.UNIMPLEMENTED],
        [DOWN, status.UNAVAILABLE],
      ] as const) {
        for (let round = 0; round < scale(3, 30); round++) {
          const streams = openCalls(server, 1_000, (stream) => stream.end(EMPTY), path);
          for (const end of await Promise.all(streams.map(readEnd))) assert.equal(end.code, code);
          await closeScene();
        }
      }
    });
  });

  it('calls with 8 KiB of metadata to a callee that reads nothing, and those beyond what it takes', async function () {
    await attack(this, async (server) => {
      const maxCalls = scale(2_000, 8_000);
      const callee = await openServe(server.address, 'bad', { ...ANNOUNCED, maxCalls });
      callee.pause();
      const headers = { ...BAD, 'x-large': 'v'.repeat(8_000) };
      const ends: number[] = [];
      const streams = openCalls(server, maxCalls + 500, (stream) => stream.end(EMPTY), DOWN, headers);
      for (const stream of streams) void readEnd(stream).then(({ code }) => ends.push(code));
      await until('those beyond are refused', () => ends.length >= 500);
      assert.deepEqual(new Set(ends), new Set([status.RESOURCE_EXHAUSTED]));
    });
  });

  it('large uploads to a callee that reads nothing', async function () {
    await attack(this, async (server) => {
      const callee = await openServe(server.address, 'bad', ANNOUNCED);
      callee.pause();
      const part = frame(Buffer.alloc(200 * KIB));
      let closed = 0;
      openCalls(server, scale(1_300, 4_000), (stream) => {
        stream.on('close', () => {
          closed += 1;
        });
        stream.resume().write(part);
      });
      await until('those that have stood still longest end', () => closed > 0);
    });
  });

  it('messages in pieces of a byte, and empty ones without end', async function () {
    await attack(this, async (server) => {
      const headers = { 'contact-client': WITNESS };
      const [pieces, empty] = openCalls(server, 2, () => undefined, '/echo.Echo/Up', headers);
      const ends = [readEnd(empty!), readEnd(pieces!)];
      const many = Buffer.concat(Array.from({ length: 1_000 }, () => EMPTY));
      const byte = Buffer.alloc(1);
      const count = scale(200, 1_000);
      // A body of zeros is a field of no number, which no message has.
      pieces!.write(frame(Buffer.alloc(0), false, 1_000 * count));
      for (let n = 0; n < count; n++) {
        if (!empty!.destroyed) await new Promise((resolve) => empty!.write(many, resolve));
        for (let at = 1; at < 1_000; at++) pieces!.write(byte);
        if (!pieces!.destroyed) await new Promise((resolve) => pieces!.write(byte, resolve));
      }
      empty!.end();
      pieces!.end();
      const codes = (await Promise.all(ends)).map(({ code }) => code);
      assert.deepEqual(codes, [status.OK, status.INTERNAL]);
    });
  });
});
