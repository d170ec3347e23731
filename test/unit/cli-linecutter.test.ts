import assert from 'node:assert/strict';
import { createLineCutter } from '../../cli/linecutter.ts';

describe('createLineCutter()', () => {
  function cut(...chunks: (string | Buffer)[]): string[] {
    const lines: string[] = [];
    const cutter = createLineCutter((line) => lines.push(line));
    for (const chunk of chunks) cutter.push(Buffer.from(chunk));
    cutter.end();
    return lines;
  }

  it('tells lines without their ends, also the last one, and none that is empty', () => {
    assert.deepEqual(cut('one\ntwo\r\n\n', 'th', 'ree'), ['one', 'two', 'three']);
    assert.deepEqual(cut(''), []);
    assert.deepEqual(cut('\n\r\n'), []);
  });

  it('puts characters together that come in parts', () => {
    const bytes = Buffer.from('ä€\n');
    assert.deepEqual(cut(...[...bytes].map((byte) => Buffer.from([byte]))), ['ä€']);
  });

  it('keeps the beginning of a line that has no end', () => {
    const lines = cut(...Array<string>(100).fill('x'.repeat(1_000)), '\nnext\n');
    assert.deepEqual(
      lines.map(({ length }) => length),
      [2_048, 4],
    );
  });
});
