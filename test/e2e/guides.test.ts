import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { ROOT, runTool } from '../../scripts/tool.ts';
import { isFull } from '../scene/full.ts';
import { prepareGuide, readGuide, readGuides } from '../scene/guide.ts';
import { runGuide } from '../scene/guiderun.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { findPython, PYTHON_NEEDS } from '../scene/python.ts';
import { skipLoudly } from '../scene/skip.ts';

/** Run each time; the others, and the compiler, with CONTACT_TEST=all. */
const SHORT = ['getting-started.md'];

describe('docs/guides', function () {
  this.timeout(300_000);
  cleanUpProcesses();

  it('have programs that compile', function () {
    if (!isFull) return this.skip();
    const folders = readGuides()
      .filter(({ programs }) => [...programs.keys()].some((name) => name.endsWith('.ts')))
      .map((guide) => ({ folder: prepareGuide(guide, {}), guide }));
    assert.ok(folders.length >= 3);
    const files = folders.flatMap(({ folder, guide }) =>
      [...guide.programs.keys()].filter((name) => name.endsWith('.ts')).map((name) => join(folder, name)),
    );
    const compilerOptions = { typeRoots: [join(ROOT, 'node_modules', '@types')], types: ['node'], rootDir: '/' };
    const config = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, files, include: [] };
    const place = folders[0]!.folder;
    writeFileSync(join(place, 'tsconfig.json'), JSON.stringify(config));
    const run = runTool('tsc', ['--project', '.', '--pretty', 'false', '--singleThreaded'], place);
    assert.ok(run.isOk, run.output);
  });

  it('have no block that nothing runs', () => {
    assert.throws(() => readGuide('a.md', '```ts\nconst a = 1;\n```\n'), /a\.md: a block that nothing runs/);
    assert.throws(() => readGuide('a.md', '```text\nwords\n```\n'), /a\.md: a block that nothing runs/);
    for (const { name, steps } of readGuides())
      assert.ok(
        steps.some(({ told }) => told.length > 0),
        name,
      );
  });

  for (const guide of readGuides()) {
    it(`${guide.name} runs, and says what it says that it says`, async function () {
      if (!isFull && !SHORT.includes(guide.name)) return this.skip();
      const python = findPython();
      if ([...guide.programs.keys()].some((name) => name.endsWith('.py')) && python === undefined) {
        skipLoudly(this, PYTHON_NEEDS);
      }
      await runGuide(guide);
    });
  }
});
