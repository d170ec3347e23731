import assert from 'node:assert/strict';
import { findLicenceProblems, renderNotice, type Sources } from '../../scripts/licences.ts';

describe('findLicenceProblems()', () => {
  const good = { version: '1.0.0', license: 'MIT', integrity: 'sha512-x', resolved: 'https://registry.npmjs.org/a' };

  function find(change: object = {}, manifest: Sources['manifest'] = {}, notice?: string): readonly string[] {
    const locked = { '': {}, 'node_modules/a': { ...good, ...change } };
    return findLicenceProblems({ manifest, locked, notice: notice ?? renderNotice('contact\n', locked) });
  }

  it('finds nothing where all is well', () => {
    assert.deepEqual(find({}, { dependencies: { a: '1.0.0' } }), []);
    assert.deepEqual(find({ license: '(MIT AND BSD-3-Clause)' }), []);
    assert.deepEqual(find({ license: 'GPL-3.0-only OR MIT' }), []);
    assert.deepEqual(find({ license: 'GPL-3.0-only', dev: true }), []);
    assert.deepEqual(find({ hasInstallScript: true }, { allowScripts: { a: false } }), []);
  });

  for (const [title, change, manifest] of [
    ['a licence that is not on the list', { license: 'GPL-3.0-only' }, {}],
    ['one of two that is not', { license: '(MIT AND GPL-3.0-only)' }, {}],
    ['no licence at all', { license: undefined }, {}],
    ['no checksum', { integrity: undefined }, {}],
    ['a weak checksum', { integrity: 'sha1-x' }, {}],
    ['another source than a registry', { resolved: 'git+ssh://git@example.com/a.git' }, {}],
    ['a script at installation', { hasInstallScript: true }, {}],
    ['a script that may run where it is shipped', { hasInstallScript: true }, { allowScripts: { a: true } }],
    ['a range of versions', {}, { dependencies: { a: '^1.0.0' } }],
    ['a range of versions of a tool', {}, { devDependencies: { a: '*' } }],
  ] as const) {
    it(`finds ${title}`, () => assert.equal(find(change, manifest).length, 1));
  }

  it('finds a licence that is not on the list in what the dashboard is built of', () => {
    const locked = { 'node_modules/preact': { ...good, license: 'GPL-3.0-only', dev: true } };
    assert.match(findLicenceProblems({ manifest: {}, locked, notice: renderNotice('', locked) }).join(), /GPL/);
    assert.match(renderNotice('contact\n', locked), /dashboard:\n\n {2}preact 1\.0\.0/);
  });

  it('finds a package that NOTICE does not list', () => {
    assert.match(find({}, {}, 'contact\n').join(), /NOTICE/);
  });
});
