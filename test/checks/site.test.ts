import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findDeadEntries, listPages, listPictures, moveLinks } from '../../scripts/docs.ts';
import { ROOT, toolEnvironment } from '../../scripts/tool.ts';
import { isFull } from '../scene/full.ts';

describe('the site of the docs', () => {
  const pages = new Map([
    ['README.md', 'project/README.md'],
    ['docs/limits.md', 'limits.md'],
    ['docs/guides/devices.md', 'guides/devices.md'],
  ]);

  it('has links that lead to where the pages go', () => {
    assert.equal(moveLinks('[a](docs/limits.md#x)', 'README.md', pages), '[a](../limits.md#x)');
    assert.equal(moveLinks('[a](guides/devices.md)', 'docs/limits.md', pages), '[a](./guides/devices.md)');
    assert.equal(moveLinks('[a](../../README.md)', 'docs/guides/devices.md', pages), '[a](../project/README.md)');
  });

  it('names what is no page by its path', () => {
    assert.equal(moveLinks('[the script](scripts/docs.ts)', 'README.md', pages), 'the script (`scripts/docs.ts`)');
    assert.equal(moveLinks('[`docs.ts`](scripts/docs.ts)', 'README.md', pages), '`docs.ts`');
    assert.equal(moveLinks('[a](https://example.com/a.md)', 'README.md', pages), '[a](https://example.com/a.md)');
  });

  it('shows a picture of docs/ from wherever a page goes', () => {
    assert.equal(moveLinks('![a](docs/dashboard.png)', 'README.md', listPages()), '![a](../dashboard.png)');
    assert.equal(moveLinks('![a](dashboard.png)', 'docs/dashboard.md', listPages()), '![a](./dashboard.png)');
    assert.ok(listPictures().includes('dashboard.png') && listPictures().includes('guides/pictures/top.svg'));
  });

  it('is refused with a link to a file that is not there', () => {
    assert.throws(() => moveLinks('[a](docs/none.md)', 'README.md', pages), /README\.md: a dead link: docs\/none\.md/);
  });

  it('has a sidebar whose every entry is a page of the docs', () => {
    const config = readFileSync(join(ROOT, 'docs', 'site', '.vitepress', 'config.js'), 'utf8');
    const places = new Set(listPages().values());
    const isPage = (page: string): boolean => places.has(page.replace(/\.html$/, '.md'));
    // The reference of the SDK is made when the site is.
    assert.deepEqual(findDeadEntries(config, isPage), ['sdk/']);
    assert.deepEqual(findDeadEntries("page('A', '/none')", isPage), ['none']);
  });

  it('is built without a warning', function () {
    if (!isFull) return this.skip();
    this.timeout(600_000);
    execFileSync(process.execPath, ['scripts/docs.ts'], { cwd: ROOT, env: toolEnvironment(), stdio: 'pipe' });
    for (const page of ['index', 'sdk/index', 'guides/devices', 'project/README'])
      assert.ok(existsSync(join(ROOT, 'docs', 'site', 'public', `${page}.html`)), page);
  });
});
