import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { readGuide } from '../scene/guide.ts';
import { runGuide } from '../scene/guiderun.ts';
import { cleanUpProcesses } from '../scene/process.ts';

describe('docs/operating.md', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  it('answers each question of an operator with one command, as it says', async () => {
    await runGuide(readGuide('operating.md', readFileSync(join(ROOT, 'docs', 'operating.md'), 'utf8')));
  });
});
