import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { deflateSync, gzipSync } from 'node:zlib';
import { createInflating, type Encoding, type OpenInflater } from '../../server/tunnel/inflate.ts';
import type { ContactError } from '../../shared/errors.ts';
import type { Piece } from '../../tunnel/outgoing.ts';
import { until } from '../scene/until.ts';

const MAX_BYTES = 1_000_000;

/** Where messages come out, put together; `take` takes what waits. */
function openSink(open: OpenInflater, encoding: Encoding = 'gzip', isTaking = true) {
  const messages: Buffer[] = [];
  const failures: ContactError[] = [];
  const untaken: (() => void)[] = [];
  let parts: Buffer[] = [];
  let heldBytes = 0;
  let mostBytes = 0;
  let endCount = 0;
  const inflater = open(encoding, {
    piece({ bytes, messageBytes, isLast, isCompressed, onTaken }) {
      assert.equal(isCompressed, false);
      // It may be taken at once, before anything is done with it.
      if (isTaking) onTaken();
      else untaken.push(onTaken);
      if (parts.length === 0) assert.ok(messageBytes !== undefined);
      parts.push(Buffer.from(bytes));
      if (isLast) {
        messages.push(Buffer.concat(parts));
        parts = [];
      }
    },
    ended() {
      assert.equal(parts.length, 0, 'it ends within a message');
      endCount += 1;
    },
    failed: (error) => void failures.push(error),
    hold(bytes) {
      heldBytes += bytes;
      mostBytes = Math.max(mostBytes, heldBytes);
    },
    giveBack(bytes) {
      heldBytes -= bytes;
      assert.ok(heldBytes >= 0);
    },
  });
  return {
    inflater,
    messages,
    failures,
    take: () => {
      for (const one of untaken.splice(0)) one();
    },
    get heldBytes() {
      return heldBytes;
    },
    get mostBytes() {
      return mostBytes;
    },
    get endCount() {
      return endCount;
    },
  };
}

/** A message in parts of at most so many bytes. */
function* cut(
  message: Buffer,
  isCompressed: boolean,
  partBytes = 16_384,
  onTaken = (): void => undefined,
): Generator<Piece> {
  let at = 0;
  do {
    const bytes = message.subarray(at, at + partBytes);
    const messageBytes = at === 0 ? message.byteLength : undefined;
    at += bytes.byteLength;
    yield { bytes, messageBytes, isLast: at === message.byteLength, isCompressed, onTaken };
  } while (at < message.byteLength);
}

/** Bytes that hardly shrink. */
function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0, seed = 1; at < size; at++) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = seed >>> 16;
  }
  return bytes;
}

describe('the messages of a call that are unpacked', () => {
  const open = createInflating(MAX_BYTES);

  for (const [encoding, compress] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ] as const) {
    it(`come out as they were before ${encoding}, in their order, with those between that are not compressed`, async () => {
      const sink = openSink(open, encoding);
      const sizes = [0, 1, 100, 5_000, 65_536, 65_537, 300_000, MAX_BYTES];
      const sent: Buffer[] = [];
      for (const size of sizes) {
        for (const message of [noise(size), Buffer.alloc(size, 7)]) {
          sent.push(message, message);
          for (const piece of cut(compress(message), true)) sink.inflater.add(piece);
          for (const piece of cut(message, false)) sink.inflater.add(piece);
        }
      }
      sink.inflater.end();
      await until('all have come', () => sink.endCount === 1);
      assert.deepEqual(sink.failures, []);
      assert.equal(sink.messages.length, sent.length);
      for (const [at, message] of sent.entries()) assert.ok(message.equals(sink.messages[at]!), `message ${at}`);
      assert.equal(sink.heldBytes, 0);
    });
  }

  it('may be empty, and compressed to nothing', async () => {
    const sink = openSink(open);
    for (const piece of cut(Buffer.alloc(0), true)) sink.inflater.add(piece);
    sink.inflater.end();
    assert.deepEqual([sink.messages.length, sink.messages[0]?.byteLength, sink.endCount], [1, 0, 1]);
  });

  it('end the call when one is larger than a message may be, before more than that is held', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * MAX_BYTES));
    const sink = openSink(open);
    for (const piece of cut(bomb, true)) sink.inflater.add(piece);
    await until('it has failed', () => sink.failures.length === 1);
    const [error] = sink.failures;
    assert.equal(error!.code, 'RESOURCE_EXHAUSTED');
    assert.match(error!.message, /more than 1000000 bytes once it is unpacked/);
    assert.ok(sink.mostBytes <= bomb.byteLength + MAX_BYTES, `${sink.mostBytes} bytes`);
    assert.equal(sink.messages.length, 0);
  });

  it('end the call when one that is small before is larger after', async () => {
    const bomb = gzipSync(Buffer.alloc(3 * MAX_BYTES));
    assert.ok(bomb.byteLength < 4_096);
    const sink = openSink(open);
    for (const piece of cut(bomb, true)) sink.inflater.add(piece);
    await until('it has failed', () => sink.failures.length === 1);
    assert.equal(sink.failures[0]!.code, 'RESOURCE_EXHAUSTED');
    assert.equal(sink.messages.length, 0);
  });

  it('end the call when one is not what it says', async () => {
    const whole = gzipSync(noise(100_000));
    for (const odd of [
      Buffer.from('no such thing'),
      whole.subarray(0, 50),
      whole.subarray(0, -100),
      deflateSync('x'),
    ]) {
      const sink = openSink(open);
      for (const piece of cut(odd, true)) sink.inflater.add(piece);
      sink.inflater.end();
      await until('it has failed', () => sink.failures.length === 1);
      assert.equal(sink.failures[0]!.code, 'INTERNAL');
      assert.deepEqual([sink.messages.length, sink.endCount], [0, 0]);
    }
  });

  it('are taken no further while one that came out is not taken', async () => {
    const sink = openSink(open, 'gzip', false);
    let takenCount = 0;
    const onTaken = (): void => {
      takenCount += 1;
    };
    for (let count = 0; count < 3; count++) {
      for (const piece of cut(gzipSync(noise(3_000)), true, 16_384, onTaken)) sink.inflater.add(piece);
    }
    assert.deepEqual([takenCount, sink.messages.length], [1, 1]);
    sink.take();
    assert.deepEqual([takenCount, sink.messages.length], [2, 2]);
    sink.inflater.end();
    assert.equal(sink.endCount, 0);
    sink.take();
    assert.deepEqual([sink.messages.length, sink.endCount], [3, 1]);
    sink.take();
    assert.equal(sink.heldBytes, 0);
  });

  it('have their turns when many are unpacked at a time, also behind calls that are over', async () => {
    const message = noise(200_000);
    const compressed = gzipSync(message);
    const sinks = Array.from({ length: 60 }, () => openSink(open));
    for (const { inflater } of sinks) for (const piece of cut(compressed, true)) inflater.add(piece);
    const gone = sinks.filter((_, at) => at % 2 === 0);
    for (const { inflater } of gone) inflater.close();
    const rest = sinks.filter((_, at) => at % 2 === 1);
    await until('all that are left have come', () => rest.every(({ messages }) => messages.length === 1));
    assert.ok(rest.every(({ messages }) => messages[0]!.equals(message)));
    assert.ok(gone.every(({ messages, failures }) => messages.length + failures.length === 0));
  });
});
