import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { layOutTable, MEASURED_ROWS, openTable, renderPairs } from '../../cli/table.ts';
import { until } from '../scene/until.ts';

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

describe('openTable()', () => {
  function open() {
    const written: string[] = [];
    const write = (data: string | Uint8Array): undefined => void written.push(String(data));
    return { written, table: openTable(['n#', 'name'], { write, isTerminal: false }) };
  }

  it('measures the first rows, prints each that follows at once, and lets a wider cell move the next ones', () => {
    const { written, table } = open();
    for (let n = 1; n < MEASURED_ROWS; n++) table.add([String(n), 'a']);
    assert.deepEqual(written, []);
    table.add(['7', 'b']);
    assert.match(written.join(''), /^ {2}n {2}name\n {2}1 {2}a\n(.*\n)* {2}7 {2}b\n$/);
    table.add(['12345', 'c\n']);
    assert.deepEqual(written.slice(1), ['12345  c\\n\n']);
    table.end();
    assert.equal(written.length, 2);
  });

  it('does not keep few rows back while others are waited for', async () => {
    const { written, table } = open();
    table.add(['1', 'a']);
    await until(() => written.length > 0);
    table.add(['2', 'b']);
    table.end();
    assert.deepEqual(written, ['n  name\n1  a\n', '2  b\n']);
  });

  it('is nothing without a row', () => {
    const { written, table } = open();
    table.end();
    assert.deepEqual(written, []);
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
