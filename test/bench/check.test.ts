import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, type Ended, startNode } from '../scene/process.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'bench', 'main.ts');

describe('npm run bench -- --check', function () {
  this.timeout(15 * 60_000);
  cleanUpProcesses();

  // Against a baseline of its own, so that it says something on any machine.
  it('fails when the server is slower by a fifth, and passes when it is not', async function () {
    if (!isFull) {
      this.test!.title += ': only with CONTACT_TEST=all';
      this.skip();
    }
    const folder = createFolder();
    const runCheck = (...args: string[]): Promise<Ended> =>
      startNode([MAIN, '--check', '--baseline', join(folder, 'baseline.json'), '--out', folder, ...args]).ended;
    const made = await runCheck('--update', '--rounds', '7');
    assert.equal(made.code, 0, made.stderr);
    const same = await runCheck();
    assert.equal(same.code, 0, same.stdout + same.stderr);
    const slower = await runCheck('--slower', '20');
    assert.equal(slower.code, 1, slower.stdout + slower.stderr);
    assert.match(slower.stdout, /^FAILED {2}server CPU /m);
  });
});
