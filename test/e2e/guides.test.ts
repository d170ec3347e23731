import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { ROOT, runTool } from '../../scripts/tool.ts';
import { isFull } from '../scene/full.ts';
import { type Guide, prepareGuide, readGuide, readGuides } from '../scene/guide.ts';
import { cleanUpProcesses, findPort, startProgram } from '../scene/process.ts';
import { findPython, PYTHON_NEEDS } from '../scene/python.ts';
import { skipLoudly } from '../scene/skip.ts';
import { until } from '../scene/until.ts';

/** Run each time; the others, and the compiler, with CONTACT_TEST=all. */
const SHORT = ['guides/getting-started.md', 'operating.md'];

describe('pages that are a session', function () {
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
      await runSession(guide);
    });
  }
});

/** Runs one step after the other; none begins before every line that the guide has until there was said. Each is another one. */
async function runSession(guide: Guide): Promise<void> {
  const ports = await Promise.all([findPort(), findPort()]);
  const [server, app] = ports.map((port) => `127.0.0.1:${port}`) as [string, string];
  const app8080 = { '127.0.0.1:50051': server, '127.0.0.1:8080': app, "listen(8080, '127": `listen(${ports[1]}, '127` };
  const folder = prepareGuide(guide, app8080);
  const session = startProgram('bash', ['-c', `cd "${folder}" && . ./session.sh`], {
    env: { CONTACT_SERVER: server, PYTHONUNBUFFERED: '1' },
    stdin: 'open',
    isGroup: true,
  });
  for (const at of guide.steps.keys()) {
    await session.waitFor(new RegExp(`^== ${at}$`, 'm'), 'stdout');
    const told = guide.steps.slice(0, at + 1).flatMap((step) => step.told);
    const missing = (): readonly RegExp[] => {
      const lines = session.stdout.replaceAll(server, '127.0.0.1:50051').split('\n');
      return told.filter((pattern) => !takeLine(lines, pattern));
    };
    await until('every line is there', () => missing().length === 0, 30_000).catch(() => {
      assert.fail(`no line ${missing().join(' and no line ')} in:\n${session.stdout}\n${session.stderr}`);
    });
    session.child.stdin?.write('\n');
  }
  session.child.stdin?.end();
  const { code, stderr } = await session.ended;
  assert.equal(code, 0, stderr);
}

/** Removes the first line that fits. */
function takeLine(lines: string[], pattern: RegExp): boolean {
  const at = lines.findIndex((line) => pattern.test(line));
  if (at >= 0) lines.splice(at, 1);
  return at >= 0;
}
