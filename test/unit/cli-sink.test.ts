import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { openFileSink } from '../../cli/serve/sink.ts';
import { createFolder } from '../scene/folder.ts';

describe('the sink of a log', () => {
  it('writes the end of a line of which a part was taken before any other, and tells how many it has dropped', () => {
    const path = join(createFolder(), 'pipe');
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const sink = openFileSink(path);
    const chunk = Buffer.alloc(1 << 20);
    let text = '';
    const read = (): void => {
      // What is there, however little; when nothing is there, the system says so by an error.
      for (;;) {
        try {
          text += chunk.toString('utf8', 0, readSync(reader, chunk));
        } catch {
          return;
        }
      }
    };
    // Longer than what a pipe takes whole or not at all, so that the last one is cut.
    const lines = 30;
    for (let n = 0; n < lines; n += 1) sink.write(`${JSON.stringify({ n, fill: 'x'.repeat(5_000) })}\n`);
    read();
    assert.ok(!text.endsWith('\n'), 'the pipe has taken a part of a line');
    sink.write(`${JSON.stringify({ n: lines })}\n`);
    read();
    const told = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { n?: number; dropped?: number });
    const numbers = told.flatMap(({ n }) => n ?? []);
    const { dropped } = told.find((line) => line.dropped !== undefined)!;
    assert.equal(numbers.at(-1), lines);
    assert.equal(numbers.length + dropped!, lines + 1);
    sink.close();
    closeSync(reader);
  });
});
