import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { create, equals, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import {
  AnnounceSchema,
  EndSchema,
  FrameSchema,
  MetadataSchema,
  OpenSchema,
  PairSchema,
  ServeRequestSchema,
  ServeResponseSchema,
} from '../../gen/index.ts';
import { decodeServe } from '../../tunnel/decode.ts';
import { encodeFrames, sizeFrame } from '../../tunnel/encode.ts';
import { createFrame, type Frame, type Pair } from '../../tunnel/frame.ts';

/** A record as the code makes them: one with a prototype. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true });
const number = fc.nat(2 ** 31 - 1).map((value) => value * 2);
const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value));
const pair: fc.Arbitrary<Pair> = fc.oneof(
  record({ key: fc.constantFrom('a', 'x-long-key'), value: fc.string({ maxLength: 200 }) }),
  record({ key: fc.constantFrom('a-bin', '-bin'), value: bytes }),
);
const pairs = fc.array(pair, { maxLength: 4 });
const text = fc.string({ unit: 'grapheme', maxLength: 200 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const frame: fc.Arbitrary<Frame> = record({
  call: number,
  open: maybe(record({ method: text, metadata: pairs, timeoutMs: number })),
  headers: maybe(pairs),
  size: number,
  data: maybe(bytes),
  more: fc.boolean(),
  compressed: fc.boolean(),
  halfClose: fc.boolean(),
  end: maybe(record({ code: fc.nat(16), message: text, statusDetails: bytes, trailers: pairs })),
  window: number,
  cancel: fc.boolean(),
});

const toInit = (all: readonly Pair[]) => ({
  pairs: all.map(({ key, value }) => ({ key, value: Buffer.from(value as string) })),
});

/** The same, as protobuf-es is told it. */
function toMessage({ open, headers, end, data, ...rest }: Frame) {
  return {
    ...rest,
    ...(open && { open: { ...open, metadata: toInit(open.metadata) } }),
    ...(headers && { headers: toInit(headers) }),
    ...(data && { data }),
    ...(end && { end: { ...end, trailers: toInit(end.trailers) } }),
  };
}

describe('the codec of a tunnel', () => {
  it('knows every field of the contract', () => {
    const messages = [FrameSchema, OpenSchema, EndSchema, MetadataSchema, PairSchema];
    assert.deepEqual(
      messages.map(({ fields }) => fields.map(({ name, number: at }) => `${name} = ${at}`).join(', ')),
      [
        'call = 1, open = 2, headers = 3, size = 4, data = 5, more = 6, compressed = 7, half_close = 8, end = 9, window = 10, cancel = 11',
        'method = 1, metadata = 2, timeout_ms = 3',
        'code = 1, message = 2, status_details = 3, trailers = 4',
        'pairs = 1',
        'key = 1, value = 2',
      ],
    );
    for (const { fields } of [ServeRequestSchema, ServeResponseSchema]) {
      assert.deepEqual([fields.length, fields[0]?.number, fields[1]?.localName], [2, 1, 'frames']);
    }
  });

  it('writes what protobuf-es writes, byte for byte', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 4 }), (frames) => {
        const wanted = toBinary(ServeResponseSchema, create(ServeResponseSchema, { frames: frames.map(toMessage) }));
        const got = encodeFrames(frames.map(sizeFrame));
        assert.ok(got.equals(wanted), `${got.toString('hex')} is not ${Buffer.from(wanted).toString('hex')}`);
      }),
    );
  });

  it('reads what protobuf-es writes', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 4 }), (frames) => {
        const announce = { methods: ['p.S/M'], maxCalls: 7 };
        const message = create(ServeRequestSchema, { announce, frames: frames.map(toMessage) });
        const got = decodeServe(toBinary(ServeRequestSchema, message));
        assert.deepEqual(got.frames, frames);
        assert.ok(equals(AnnounceSchema, fromBinary(AnnounceSchema, got.head!), message.announce!));
      }),
    );
  });

  it('reads fields in any order, passes over unknown ones, and keeps nothing of the batch in binary metadata', () => {
    // Frame { 15: 1, window: 5, unknown 100: "ab", cancel, call: 3 }, and an unknown field beside it.
    const inner = Buffer.from([0x78, 1, 0x50, 5, 0xa2, 6, 2, 0x61, 0x62, 0x58, 1, 0x08, 3]);
    const message = Buffer.concat([Buffer.from([0x78, 9, 0x12, inner.length]), inner]);
    const wanted = { ...createFrame(3), window: 5, cancel: true };
    assert.deepEqual(decodeServe(message).frames, [wanted]);
    const metadata = [{ key: 'k-bin', value: Buffer.from([1, 2]) }];
    const batch = encodeFrames([sizeFrame({ ...createFrame(1), headers: metadata })]);
    const { frames } = decodeServe(batch);
    batch.fill(0);
    assert.deepEqual(frames[0]!.headers, metadata);
  });

  it('merges an announcement that is said in many parts, without copying all of it for each', () => {
    const part = Buffer.concat([Buffer.from([0x0a, 0x80, 0x80, 0x10]), Buffer.alloc(1 << 18, 0x78)]);
    const empty = Buffer.alloc(200_000).fill(Buffer.from([0x0a, 0]));
    const before = process.cpuUsage();
    const { head } = decodeServe(Buffer.concat([part, empty, part]));
    const { user, system } = process.cpuUsage(before);
    assert.ok(head && Buffer.alloc(1 << 19, 0x78).equals(head));
    // Copied for each of the 100,000, it was 25 GB.
    assert.ok(user + system < 1_000_000, `${user + system} µs`);
  });

  it('refuses what is cut, or has a field that is longer than what it lies in', () => {
    const whole = encodeFrames([sizeFrame({ ...createFrame(1), data: Buffer.alloc(20) })]);
    for (const cut of [1, whole.length - 1]) assert.throws(() => decodeServe(whole.subarray(0, cut)));
    // A frame of 3 bytes whose data would have 20.
    assert.throws(() => decodeServe(Buffer.concat([Buffer.from([0x12, 3, 0x08, 1, 0x2a, 20]), Buffer.alloc(20)])));
    assert.throws(() => decodeServe(Buffer.from([0x02, 0])), /number 0/);
  });

  it('answers frames or throws for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (any) => {
        try {
          assert.ok(Array.isArray(decodeServe(any).frames));
        } catch (error) {
          assert.ok(error instanceof Error && error.name !== 'AssertionError', String(error));
        }
      }),
    );
  });
});
