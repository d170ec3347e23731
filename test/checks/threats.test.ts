import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { readLiterals } from './limits.ts';

describe('docs/threats.md', () => {
  const text = readFileSync(join(ROOT, 'docs', 'threats.md'), 'utf8');
  const cited = [...text.matchAll(/`(test\/[\w/-]+\.test\.ts)`: ([^|;\n]+?)(?=;| \||\n|$|; revoked)/g)];

  it('names a test that there is for whatever it says', () => {
    assert.ok(cited.length > 25, `${cited.length} tests are named`);
    for (const [, file = '', title = ''] of cited) {
      // Titles may be told by a part of them, by which they are still found.
      assert.ok(title.trim().length > 15, `${file}: "${title}" is too short to be found`);
      assert.ok(existsSync(join(ROOT, file)), `there is no ${file}`);
      const literals = readLiterals(readFileSync(join(ROOT, file), 'utf8'));
      assert.ok(
        literals.some(({ words }) => words.includes(title.trim())),
        `${file} has no test "${title.trim()}"`,
      );
    }
  });
});
