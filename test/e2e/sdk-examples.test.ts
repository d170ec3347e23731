import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, runTool } from '../../scripts/tool.ts';
import { closeScene } from '../scene/end.ts';
import { type Fixtures, openFixtures } from '../scene/examplefixtures.ts';
import { createFolder, removeFolders } from '../scene/folder.ts';
import { readExamples, renderExamples } from '../scene/sdkexamples.ts';
import { startScene } from '../scene/server.ts';

/** Why an example is compiled and not run; the name is that of what it stands with. */
const NOT_RUN: Readonly<Record<string, string>> = {
  createWorker: 'it listens to a signal of the process',
  'Worker.drain': 'the same',
  'Worker.stop': 'others need the worker',
  defineTask: 'it starts a worker that nobody stops',
  'DefinedTask.handle': 'the same',
  runWorker: 'it is a whole program',
  createObserver: 'it follows results without end',
  TaskFailure: 'it throws',
  TaskRelease: 'it throws',
  Handler: 'it sends mail',
  createReflection: 'it asks for a service that nobody serves here',
  createCaller: 'nobody serves what it calls',
  'Caller.stub': 'the same',
  'Caller.keep': 'the same',
  'Caller.answer': 'the same',
  'Worker.serve': 'examples of the calls are of examples/reverse, whose tests run them',
  'Worker.serveRaw': 'the same',
  'Worker.expose': 'the same',
  createAccess: 'it needs an operator and a server with credentials: test/transport/access.test.ts has that',
  'Access.createToken': 'the same',
  'Access.createJoin': 'the same',
  'Access.revoke': 'the same',
  'Admin.backUp': 'this store is in memory, and has no file to copy',
  createTestClock: 'it has a server of its own, and a producer of another',
};

describe('the examples in the comments of the SDK', function () {
  this.timeout(120_000);
  const examples = readExamples();
  let module: string;

  before(() => {
    const folder = createFolder();
    module = join(folder, 'examples.ts');
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const names: readonly (keyof Fixtures)[] = [
      ...(['server', 'producer', 'observer', 'admin', 'access', 'caller', 'worker', 'context', 'sums'] as const),
      ...(['id', 'taskId', 'cursor', 'error', 'rows', 'mail', 'rectangle', 'resize'] as const),
    ];
    writeFileSync(module, renderExamples(examples, names));
  });
  afterEach(closeScene);
  after(removeFolders);

  it('are many, and each name that is not run is one of theirs', () => {
    const names = examples.map(({ name }) => name);
    assert.ok(names.length > 45, `${names.length}`);
    assert.deepEqual(
      Object.keys(NOT_RUN).filter((name) => !names.includes(name)),
      [],
    );
  });

  it('compile', () => {
    const folder = join(module, '..');
    const compilerOptions = {
      ...{ typeRoots: [join(ROOT, 'node_modules', '@types')], types: ['node'], rootDir: '/' },
      // A program goes on with what these lines have made.
      ...{ noUnusedLocals: false, noUnusedParameters: false, rewriteRelativeImportExtensions: false },
    };
    const config = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, files: [module], include: [] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const run = runTool('tsc', ['--project', '.', '--pretty', 'false', '--singleThreaded'], folder);
    assert.ok(run.isOk, run.output);
  });

  it('run, where that is cheap', async () => {
    const { EXAMPLES } = (await import(pathToFileURL(module).href)) as {
      EXAMPLES: Readonly<Record<string, (fixtures: Fixtures) => Promise<void>>>;
    };
    const { address } = await startScene();
    const fixtures = await openFixtures(address);
    const ran: string[] = [];
    for (const [name, run] of Object.entries(EXAMPLES)) {
      if (name in NOT_RUN) continue;
      await run(fixtures).catch((error: unknown) => {
        throw new Error(`the example of ${name} threw`, { cause: error });
      });
      ran.push(name);
    }
    assert.ok(ran.length > 25, `${ran.length}`);
  });
});
