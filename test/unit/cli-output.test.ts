import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'mocha';
import { createOutput } from '../../cli/output.ts';

function breakWith(code: string): Writable {
  return new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error(`${code}: no`), { code })),
  });
}

describe('createOutput()', () => {
  it('tells why nothing can be written any more', async () => {
    const out = createOutput(breakWith('ENOSPC'));
    await out.write('x');
    await out.flush();
    assert.ok(out.closed.aborted);
    assert.match(String(out.failure), /ENOSPC/);
  });

  it('takes a reader that went away for no failure', async () => {
    const out = createOutput(breakWith('EPIPE'));
    await out.write('x');
    await out.flush();
    assert.ok(out.closed.aborted);
    assert.equal(out.failure, undefined);
  });

  it('writes JSON that a terminal cannot be fooled with, and that means the same', async () => {
    let written = '';
    const terminal = new Writable({
      write(chunk, _encoding, done) {
        written += chunk;
        done();
      },
    });
    const value = { 'k\u009b\u202e': 'a\u007f\u200b\u{e0041}\u2066 grüße 👩‍💻' };
    await createOutput(Object.assign(terminal, { isTTY: true })).writeJson(value);
    assert.doesNotMatch(written.trimEnd(), /[\p{Cc}\u200b\u202e\u2066\u{e0041}]/u);
    assert.match(written, /grüße 👩‍💻/);
    assert.deepEqual(JSON.parse(written), value);
  });
});
