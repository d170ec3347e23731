import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';

function runGit(args: readonly string[]): string[] | undefined {
  try {
    return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }).split('\n').filter(Boolean);
  } catch {
    return undefined;
  }
}

describe('the checkout', () => {
  it('has nothing of anybody’s store, and git takes none in', function () {
    const tracked = runGit(['ls-files']);
    if (tracked === undefined) {
      console.warn('      SKIPPED: it is not a checkout of git');
      return this.skip();
    }
    assert.deepEqual(
      tracked.filter((path) => /\.db($|[.-])/.test(path)),
      [],
    );
    const paths = ['', '-wal', '.lock-journal', '.whatever'].map((end) => `contact.db${end}`);
    assert.deepEqual(runGit(['check-ignore', '--no-index', ...paths]), paths);
  });

  it('has a number of its own for each decision', () => {
    const records = readdirSync(join(ROOT, 'docs', 'decisions')).filter((name) => name.endsWith('.md'));
    const numbers = records.map((name) => name.slice(0, 4));
    assert.deepEqual(
      numbers.filter((number, place) => numbers.indexOf(number) !== place),
      [],
    );
    assert.ok(numbers.length > 20);
  });
});
