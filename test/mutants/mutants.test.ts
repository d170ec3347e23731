import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import type { Mutant } from './mutant.ts';
import { MUTANTS } from './mutants.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Of those that need no server; the others take longer to fail. */
const SAMPLE = ['fence dropped', 'acknowledged before the commit', 'wake-up during a claim lost'];

interface Report {
  readonly passes: readonly { readonly fullTitle: string }[];
  readonly failures: readonly { readonly fullTitle: string }[];
}

/** Runs one test in a process of its own, with a mutant or without. */
async function runTest({ file, title }: Mutant['caughtBy'], mutant?: string): Promise<Report & { isOn: boolean }> {
  const folder = createFolder();
  const output = join(folder, 'report.json');
  const told = join(folder, 'told');
  const mutate = pathToFileURL(join(import.meta.dirname, 'mutate.ts')).href;
  const { CONTACT_TEST: _all, ...env } = process.env;
  if (mutant !== undefined) {
    const options = `${env.NODE_OPTIONS ?? ''} --import ${mutate}`.trim();
    Object.assign(env, { CONTACT_MUTANT: mutant, CONTACT_MUTANT_TOLD: told, NODE_OPTIONS: options });
  }
  const mocha = join(ROOT, 'node_modules', 'mocha', 'bin', 'mocha.js');
  const report = ['--reporter', 'json', '--reporter-option', `output=${output}`];
  // What waits in vain need not wait for long: each of these tests takes a second at most.
  const patience = mutant === undefined ? [] : ['--timeout', '6000'];
  const args = [mocha, '--exit', ...patience, ...report, '--fgrep', title, file];
  const child = spawn(process.execPath, args, { cwd: ROOT, env });
  let stderr = '';
  child.stdout.resume();
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  try {
    await once(child, 'close');
    return { ...(JSON.parse(readFileSync(output, 'utf8')) as Report), isOn: existsSync(told) };
  } catch (error) {
    throw new Error(`the test did not run: ${stderr}`, { cause: error });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const titlesOf = (tests: readonly { readonly fullTitle: string }[]): string[] => tests.map((one) => one.fullTitle);

describe('mutants', function () {
  this.timeout(60_000);

  const mutants = MUTANTS.filter(({ id }) => isFull || SAMPLE.includes(id));

  before(() => {
    if (!isFull) console.log(`    ${mutants.length} of ${MUTANTS.length}; all of them with CONTACT_TEST=all`);
  });

  it('have names of their own', () => {
    assert.equal(new Set(MUTANTS.map(({ id }) => id)).size, MUTANTS.length);
  });

  it('find their places, each once', () => {
    for (const { id, file, find } of MUTANTS) {
      assert.equal(readFileSync(join(ROOT, file), 'utf8').split(find).length - 1, 1, `${id}, in ${file}`);
    }
  });

  for (const { id, caughtBy } of mutants) {
    it(`${id}: is caught`, async () => {
      const { passes, failures, isOn } = await runTest(caughtBy, id);
      assert.ok(isOn, 'its place was loaded');
      assert.deepEqual(titlesOf(passes), []);
      // Not only by what comes after a test.
      assert.ok(failures.length > 0 && titlesOf(failures)[0]!.endsWith(caughtBy.title), titlesOf(failures).join('\n'));
    });
  }

  if (!isFull) return;
  for (const name of new Set(mutants.map(({ caughtBy }) => JSON.stringify(caughtBy)))) {
    const caughtBy = JSON.parse(name) as Mutant['caughtBy'];
    it(`${caughtBy.title}: passes without`, async () => {
      const { passes, failures } = await runTest(caughtBy);
      assert.deepEqual(titlesOf(failures), []);
      assert.equal(passes.length, 1);
    });
  }
});
