import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { layOutTable, renderPairs } from '../../cli/table.ts';

describe('layOutTable()', () => {
  it('aligns words to the left and numbers to the right, and ends no line with spaces', () => {
    const rows = [
      ['long name', '5', 'x'],
      ['b', '1,000', ''],
    ];
    assert.deepEqual(layOutTable(['queue', 'n#', 'note'], rows), [
      'queue          n  note',
      'long name      5  x',
      'b          1,000',
    ]);
  });

  it('shows control characters', () => {
    assert.deepEqual(layOutTable(['a'], [['\u001b[2J']]), ['a', '\\x1b[2J']);
  });
});

describe('renderPairs()', () => {
  it('leaves out what has no value', () => {
    const pairs: [string, string][] = [
      ['id', '1'],
      ['none', ''],
      ['longer', 'a\nb'],
    ];
    assert.equal(renderPairs(pairs), 'id:     1\nlonger: a\\nb\n');
  });
});
