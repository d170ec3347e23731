import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { type Frame, plainEnd } from '../../tunnel/frame.ts';
import { createEnd, piece, WINDOW } from './tunnel-end.ts';

describe('a tunnel at the server', () => {
  it('opens a unary call with one frame, and takes its answer from one', () => {
    const end = createEnd('server');
    const call = end.open();
    call.send(piece(Buffer.from('hi')));
    call.halfClose();
    end.turn();
    assert.equal(end.said.length, 1);
    const { open, data, more, size, halfClose } = end.said[0]!;
    assert.deepEqual([open?.method, String(data), more, size, halfClose], ['p.S/M', 'hi', false, 0, true]);
    end.hear({ headers: [], data: Buffer.from('you'), end: plainEnd(0, '') });
    assert.deepEqual(
      end.heard.map((one) => (typeof one === 'object' && 'bytes' in one ? String(one.bytes) : one)),
      ['headers', 'you', plainEnd(0, '')],
    );
    assert.equal(end.tunnel.callCount, 0);
  });

  it('drops frames of calls that it does not know, or not any more', () => {
    const end = createEnd('server');
    const call = end.open();
    end.turn();
    call.cancel();
    end.turn();
    assert.equal(end.said.at(-1)!.cancel, true);
    end.hear({ data: Buffer.from('late'), end: plainEnd(0, '') });
    // One more than a tunnel has patience for, were they faults.
    for (const later of [77, 78, 79]) end.hear({ call: later, window: 2 ** 32 - 1, end: plainEnd(0, '') });
    assert.deepEqual([end.heard, end.brokenCount], [[], 0]);
  });

  it('does not tell the other end of a call that ends before it was opened', () => {
    const end = createEnd('server');
    end.open().cancel();
    end.turn();
    assert.deepEqual(end.said, []);
  });

  const faults: readonly (readonly [string, ...Partial<Frame>[]])[] = [
    ['headers twice', { headers: [] }, { headers: [] }],
    ['headers after a message', { data: Buffer.alloc(1) }, { headers: [] }],
    ['half_close', { halfClose: true }],
    ['cancel', { cancel: true }],
    ['a code that gRPC does not have', { end: plainEnd(17, '') }],
    ['a window of 2^32', { window: 2 ** 32 - 1 }],
    ['more than a chunk may have', { data: Buffer.alloc(16_385) }],
    ['a size that is not the chunk’s', { data: Buffer.alloc(5), size: 6 }],
    ['no size before more', { data: Buffer.alloc(5), more: true }],
    ['an empty chunk that goes on', { data: Buffer.alloc(0), more: true, size: 5 }],
    ['more chunks than the size', { data: Buffer.alloc(5), more: true, size: 6 }, { data: Buffer.alloc(2) }],
    ['an end too early', { data: Buffer.alloc(5), more: true, size: 7 }, { data: Buffer.alloc(1) }],
    ['an OK within a message', { data: Buffer.alloc(5), more: true, size: 6 }, { end: plainEnd(0, '') }],
    ['more than the window', ...Array.from({ length: 5 }, () => ({ data: Buffer.alloc(16_384) }))],
    ['empty messages without end', ...Array.from({ length: WINDOW / 32 + 1 }, () => ({ data: Buffer.alloc(0) }))],
    ['metadata that is refused', { headers: [{ key: 'bad', value: '' }] }],
  ];
  for (const [what, ...frames] of faults) {
    it(`ends a call for both of its sides when it hears ${what}`, () => {
      const end = createEnd('server', (pairs) => (pairs.length > 0 ? 'metadata that is refused' : undefined));
      end.open();
      end.turn();
      for (const frame of frames) end.hear(frame);
      end.turn();
      assert.equal(end.heard.at(-1), 'failed: INTERNAL');
      assert.equal(end.said.at(-1)!.cancel, true);
      assert.equal(end.tunnel.callCount, 0);
    });
  }

  it('is broken with the third fault', () => {
    const end = createEnd('server');
    for (let call = 1; call <= 3; call++) {
      assert.equal(end.brokenCount, 0);
      end.open();
      end.turn();
      end.hear({ call, cancel: true });
    }
    assert.equal(end.brokenCount, 1);
  });

  it('refuses a message that is too large with its first chunk, which is no fault', () => {
    const end = createEnd('server');
    end.open();
    end.turn();
    end.hear({ data: Buffer.alloc(5), more: true, size: 100_001 });
    end.turn();
    const seen = [end.heard.at(-1), end.said.at(-1)!.cancel, end.brokenCount];
    assert.deepEqual(seen, ['failed: RESOURCE_EXHAUSTED', true, 0]);
  });

  it('tells of a call that was lost whether the other end may have heard of it', () => {
    const end = createEnd('server');
    end.open();
    end.turn();
    end.open();
    end.tunnel.close();
    assert.deepEqual(end.heard, ['lost, maybe heard of', 'lost, not heard of']);
    assert.equal(end.tunnel.callCount, 0);
  });

  it('gives each call one chunk in its turn, and writes no more than a batch before the connection takes it', () => {
    const end = createEnd('server');
    const large = end.open();
    large.send(piece(Buffer.alloc(60_000)));
    const small = end.open();
    small.send(piece(Buffer.from('s')));
    end.turn();
    const order = end.said.map(({ call, data }) => [call, data?.byteLength]);
    assert.deepEqual(order, [
      [1, 16_384],
      [2, 1],
      [1, 16_384],
      [1, 16_384],
      [1, 10_848],
    ]);
    for (let i = 0; i < 8; i++) end.open().send(piece(Buffer.alloc(60_000)));
    end.turn();
    const written = end.batches.reduce((sum, { byteLength }) => sum + byteLength, 0);
    assert.ok(written < 60_000 + 65_536 + 17_000, `${written} bytes were written`);
    const before = end.batches.length;
    end.turn();
    assert.equal(end.batches.length, before);
    for (const taken of end.takers.splice(0)) taken();
    end.turn();
    assert.equal(end.batches.length, before + 1);
  });

  it('says that a piece was taken when all of it is in the tunnel, and not when its call ended before', () => {
    const end = createEnd('server');
    let takenCount = 0;
    const call = end.open();
    call.send(piece(Buffer.alloc(90_000), () => (takenCount += 1)));
    end.turn();
    assert.equal(takenCount, 0, 'the window has no room for all of it');
    call.cancel();
    for (const taken of end.takers.splice(0)) taken();
    end.turn();
    assert.equal(takenCount, 0);
  });

  it('gives back half of a window at a time', () => {
    const end = createEnd('server');
    const call = end.open();
    end.turn();
    const count = end.said.length;
    call.taken(WINDOW / 2 - 1);
    end.turn();
    assert.equal(end.said.length, count);
    call.taken(1);
    end.turn();
    assert.deepEqual(
      end.said.slice(count).map(({ window }) => window),
      [WINDOW / 2],
    );
  });

  it('sends no chunk that does not fit, and goes on when it was given back half of the window', () => {
    const end = createEnd('server');
    end.open().send(piece(Buffer.alloc(90_000)));
    end.turn();
    const sum = (): number => end.said.reduce((bytes, { data }) => bytes + (data?.byteLength ?? 0), 0);
    assert.equal(sum(), WINDOW);
    end.hear({ window: WINDOW / 2 });
    for (const taken of end.takers.splice(0)) taken();
    end.turn();
    assert.equal(sum(), 90_000);
  });
});
