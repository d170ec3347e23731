import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatCursor, parseCursor } from '../../server/model/cursor.ts';
import { ContactError } from '../../shared/errors.ts';

function refusal(text: string, epoch = 'abc'): ContactError {
  try {
    parseCursor(text, epoch);
  } catch (error) {
    assert.ok(error instanceof ContactError);
    return error;
  }
  return assert.fail(`accepted ${JSON.stringify(text)}`);
}

describe('parseCursor()', () => {
  it('reads back what formatCursor() wrote', () => {
    const epochs = fc.stringMatching(/^[a-z0-9]{1,32}$/);
    const positions = fc.integer({ min: 0, max: 999_999_999_999_999 });
    fc.assert(
      fc.property(epochs, positions, (epoch, position) => {
        assert.deepEqual(parseCursor(formatCursor(epoch, position), epoch), { epoch, position });
      }),
    );
  });

  it('refuses what is not a cursor, naming the field', () => {
    const wrong = ['', 'abc', 'abc.', '.5', 'abc.-1', 'abc.01', 'abc.1.0', 'abc.1e3', 'ABC.1', 'abc.1 ', ' abc.1', '5'];
    for (const text of wrong) {
      const error = refusal(text);
      assert.equal(error.code, 'INVALID_ARGUMENT', text);
      assert.match(error.message, /^cursor: /);
    }
  });

  it('refuses a position beyond what a number holds exactly', () => {
    assert.equal(refusal('abc.9999999999999999').code, 'INVALID_ARGUMENT');
  });

  it('refuses any text without throwing anything else', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        if (/^abc\.\d+$/.test(text)) return;
        assert.ok(['INVALID_ARGUMENT', 'OUT_OF_RANGE'].includes(refusal(text).code));
      }),
    );
  });

  it('answers OUT_OF_RANGE for a cursor of another epoch', () => {
    assert.equal(refusal('xyz.5').code, 'OUT_OF_RANGE');
  });

  it('does not repeat a long text in its message', () => {
    assert.ok(refusal('x'.repeat(100_000)).message.length < 200);
  });
});
