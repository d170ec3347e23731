import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { type BodyOptions, type BodySource, readBody } from '../../server/transport/request_body.ts';
import { ContactError } from '../../shared/errors.ts';

interface Reading {
  readonly source: PassThrough;
  readonly body: Promise<Buffer>;
  /** The deadline of the body, and what happens at it. */
  readonly deadline: { ms: number; pass: () => void };
  heldBytes: number;
}

function begin(announced: number | undefined, options: Partial<BodyOptions> = {}): Reading {
  const headers = announced === undefined ? {} : { 'content-length': String(announced) };
  const source = Object.assign(new PassThrough(), { headers });
  const reading = { source, deadline: { ms: 0, pass: (): void => undefined }, heldBytes: 0 };
  const body = readBody(source as BodySource, {
    maxBytes: 100_000,
    patienceMs: (bytes) => bytes,
    clock: {
      after(ms, pass) {
        Object.assign(reading.deadline, { ms, pass });
        return () => undefined;
      },
    },
    hold(bytes) {
      reading.heldBytes += bytes;
      return true;
    },
    ...options,
  });
  return Object.assign(reading, { body });
}

const refused = (body: Promise<Buffer>): Promise<string> =>
  body.then(
    () => 'OK',
    (error: unknown) => (error instanceof ContactError ? `${error.code} ${error.field}` : String(error)),
  );

describe('readBody()', () => {
  it('reads what was announced, and what was not, a byte at a time', async () => {
    for (const announced of [30_000, undefined]) {
      const reading = begin(announced);
      for (let n = 0; n < 30_000; n++) reading.source.write(Buffer.from([n & 0xff]));
      reading.source.end();
      const body = await reading.body;
      assert.deepEqual([body.length, body[29_999]], [30_000, 29_999 & 0xff]);
      assert.ok(reading.heldBytes >= 30_000 && reading.heldBytes <= 60_000, String(reading.heldBytes));
    }
    const empty = begin(0);
    empty.source.end();
    assert.equal((await empty.body).length, 0);
  });

  it('refuses one that is too large, announced or not', async () => {
    assert.equal(await refused(begin(100_001).body), 'RESOURCE_EXHAUSTED request');
    const reading = begin(undefined);
    reading.source.write(Buffer.alloc(100_001));
    assert.equal(await refused(reading.body), 'RESOURCE_EXHAUSTED request');
    assert.ok(reading.heldBytes <= 100_000);
  });

  it('gives it the time of what was announced, or of the largest, and no more', async () => {
    const reading = begin(5_000);
    assert.equal(reading.deadline.ms, 5_000);
    reading.source.write(Buffer.alloc(4_999));
    reading.deadline.pass();
    assert.equal(await refused(reading.body), 'DEADLINE_EXCEEDED undefined');
    const endless = begin(undefined);
    assert.equal(endless.deadline.ms, 100_000);
    endless.source.destroy();
    assert.equal(await refused(endless.body), 'CANCELLED undefined');
  });

  it('refuses what all bodies together have no room for', async () => {
    const reading = begin(5_000, { hold: () => false });
    reading.source.write(Buffer.alloc(10));
    assert.equal(await refused(reading.body), 'RESOURCE_EXHAUSTED request');
  });
});
