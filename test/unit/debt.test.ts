import assert from 'node:assert/strict';
import { joinPieces } from '../../server/transport/debt.ts';

describe('joinPieces()', () => {
  it('makes few of many small pieces, in place, and keeps each byte', () => {
    const pieces = Array.from({ length: 100_000 }, (_, n) => Buffer.from([n % 251]));
    const whole = Buffer.concat(pieces);
    joinPieces(pieces);
    assert.ok(pieces.length <= 2, `${pieces.length} are left`);
    assert.deepEqual(Buffer.concat(pieces), whole);
    // Those that come later are joined as well.
    pieces.push(Buffer.from('a'), Buffer.from('b'));
    joinPieces(pieces);
    assert.deepEqual(Buffer.concat(pieces), Buffer.concat([whole, Buffer.from('ab')]));
  });

  it('leaves large ones as they are', () => {
    const large = Buffer.alloc(16_384, 'x');
    const pieces = [Buffer.from('a'), large, Buffer.from('b'), Buffer.from('c'), large];
    joinPieces(pieces);
    assert.deepEqual(
      pieces.map((piece) => piece.byteLength),
      [1, 16_384, 2, 16_384],
    );
    assert.equal(pieces[1], large);
  });
});
