import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { readAll, readLines } from '../../cli/lines.ts';

async function* cut(bytes: Buffer, places: readonly number[]): AsyncGenerator<Buffer> {
  let start = 0;
  for (const end of [...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    yield bytes.subarray(start, end);
    start = end;
  }
}

async function collectLines(chunks: readonly string[], maxBytes = 100): Promise<(string | null)[]> {
  const lines: (string | null)[] = [];
  for await (const line of readLines(asBuffers(chunks), maxBytes)) {
    assert.equal(line.number, lines.length + 1);
    lines.push(line.bytes === null ? null : line.bytes.toString('latin1'));
  }
  return lines;
}

async function* asBuffers(chunks: readonly string[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk, 'latin1');
}

describe('readLines()', () => {
  it('has no line in an empty stream, and an empty one for each bare line feed', async () => {
    assert.deepEqual(await collectLines([]), []);
    assert.deepEqual(await collectLines(['']), []);
    assert.deepEqual(await collectLines(['\n\n']), ['', '']);
  });

  it('takes a last line without line feed', async () => {
    assert.deepEqual(await collectLines(['a\nb']), ['a', 'b']);
    assert.deepEqual(await collectLines(['a\nb\n']), ['a', 'b']);
  });

  it('keeps bytes as they are', async () => {
    assert.deepEqual(await collectLines(['\r\n\u00ff\u0000 x \n']), ['\r', '\u00ff\u0000 x ']);
  });

  it('skips a line beyond the limit and goes on', async () => {
    assert.deepEqual(await collectLines(['ab', 'cd', 'ef\ngh\n', 'ijklm'], 4), [null, 'gh', null]);
    assert.deepEqual(await collectLines(['abcd\n'], 4), ['abcd']);
  });

  it('finds the same lines however the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('a', 'bc', '\n', '\r')), fc.array(fc.nat()), async (words, places) => {
        const bytes = Buffer.from(words.join(''));
        const lines: string[] = [];
        for await (const line of readLines(cut(bytes, places), 100)) lines.push(String(line.bytes));
        const expected = bytes.toString().split('\n');
        if (expected.at(-1) === '') expected.pop();
        assert.deepEqual(lines, expected);
      }),
    );
  });
});

describe('readAll()', () => {
  it('takes up to the limit', async () => {
    assert.equal(String(await readAll(asBuffers(['ab', 'c\n']), 4)), 'abc\n');
    assert.equal(await readAll(asBuffers(['ab', 'c\n!']), 4), null);
  });
});
