import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { createFolder } from '../scene/folder.ts';
import { startProgram } from '../scene/program.ts';

/** The example of docs/testing.md that contains `part`. */
function readExample(part: string): string {
  const page = readFileSync(join(ROOT, 'docs', 'testing.md'), 'utf8');
  const found = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].filter(([, text = '']) => text.includes(part));
  assert.equal(found.length, 1, part);
  return found[0]![1]!;
}

describe('docs/testing.md', function () {
  this.timeout(120_000);
  let folder: string;

  before(() => {
    folder = createFolder();
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(ROOT, join(folder, 'node_modules', 'contactd'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(folder, 'sums.ts'), readExample('export const sums'));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('has tests that node:test runs', async () => {
    writeFileSync(join(folder, 'node.test.ts'), readExample("from 'node:test'"));
    const run = startProgram(process.execPath, ['--test', '--test-reporter=spec', 'node.test.ts'], { folder });
    await run.waitForLine(/^ℹ pass 4$/);
    await run.succeed();
  });

  it('has tests that mocha runs', async () => {
    writeFileSync(join(folder, 'mocha.test.ts'), readExample('beforeEach'));
    const mocha = join(ROOT, 'node_modules', 'mocha', 'bin', 'mocha.js');
    const run = startProgram(process.execPath, [mocha, 'mocha.test.ts'], { folder });
    await run.waitForLine(/^ +1 passing/);
    await run.succeed();
  });
});
