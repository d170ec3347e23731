import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'mocha';
import { ROOT, runTool } from '../../scripts/tool.ts';
import { readTree } from '../../scripts/tree.ts';
import { REQUIRING, TOLD, writeConsumer } from '../scene/consumer.ts';
import { installOffline, packPackage, plainEnvironment, runIn } from '../scene/package.ts';

/** What `npm pack` makes of dist/, in a project that has the dependencies of this checkout. */
describe('the package', function () {
  this.timeout(180_000);
  let project: string;
  let own: string;

  before(async () => {
    // The types are checked by `npm run check`, and by package-matrix.test.ts.
    project = installOffline(await packPackage({ areTypesChecked: false }));
    own = join(project, 'node_modules', 'contactd');
  });

  it('has every file that its documents link to', () => {
    const documents = [...readTree(own, (name) => name.endsWith('.md')).keys()];
    assert.ok(documents.includes('README.md') && documents.includes('docs/reverse.md'));
    const missing = documents.flatMap((path) => {
      const links = readFileSync(join(own, path), 'utf8').matchAll(/\]\((?!\w+:|#)([^)#\s]+)[^)]*\)/g);
      return [...links]
        .filter(([, target = '']) => !existsSync(join(own, dirname(path), target)))
        .map(([, target]) => `${path} → ${target}`);
    });
    // Tests and sources, which only a checkout has.
    const known = (link: string): boolean =>
      / → (\.\.\/)*(test|server|client)\//.test(link) && !link.startsWith('README');
    assert.deepEqual(
      missing.filter((link) => !known(link)),
      [],
    );
  });

  it('is required and imported, and is the same code both ways', () => {
    writeFileSync(join(project, 'requiring.cjs'), REQUIRING);
    assert.equal(runIn(project, process.execPath, 'requiring.cjs'), 'true true contactd\ntrue\n');
  });

  it('has types for ES modules and for CommonJS, and what is compiled against them works', () => {
    const files = [writeConsumer(project, 'esm.mts'), writeConsumer(project, 'common.cts')];
    const options = { module: 'node16', target: 'es2022', strict: true, types: ['node'], skipLibCheck: true };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files }));
    const run = runTool('tsc', ['--project', project, '--pretty', 'false', '--singleThreaded']);
    assert.ok(run.isOk, run.output);
    for (const name of ['esm.mjs', 'common.cjs']) assert.equal(runIn(project, process.execPath, name), TOLD, name);
  });

  it('has nothing of the tests, and no source that Node would not run from node_modules', () => {
    const shipped = [...readTree(own, (name) => name.endsWith('.ts') && !name.endsWith('.d.ts')).keys()];
    assert.deepEqual(
      shipped.filter((path) => !path.startsWith('examples/')),
      [],
    );
    assert.ok(!existsSync(join(own, 'test')), relative(ROOT, own));
    assert.match(runIn(project, process.execPath, join(own, 'bin', 'contact.js'), '--help'), /^ {2}serve /m);
    assert.equal(plainEnvironment().NODE_OPTIONS, undefined);
  });
});
