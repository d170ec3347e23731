import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, startNode } from '../scene/process.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'bench', 'questions', 'main.ts');

describe("the bench of an operator's questions", function () {
  this.timeout(60_000);
  cleanUpProcesses();

  it('fills a store and tells how long each question takes', async () => {
    const { code, stdout, stderr } = await startNode([MAIN, '--tasks', '2000', '--times', '1', '--out', createFolder()])
      .ended;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^2000 settled tasks, 10 % of them failed/);
    assert.match(stdout, /^\| failures --by client \|( \d+\.\d \|){4}$/m);
    assert.equal(stdout.trim().split('\n').length, 14);
  });
});
