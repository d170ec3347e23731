import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { findBlock } from '../checks/readme.ts';
import { REQUIRING, TOLD, writeConsumer } from '../scene/consumer.ts';
import { createFolder, removeFolders } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { packPackage, plainEnvironment, runIn } from '../scene/package.ts';
import { type Program, startProgram } from '../scene/program.ts';

const COMPILERS = ['5.4', '5.9', '7.0'];
/** What declarations of other packages ask of a compiler; who has an older one sets `skipLibCheck`, or sees these. */
const NEEDS_NEWER = /^\.\.\/node_modules\/@(bufbuild|grpc)\//;
/** The oldest that is supported, which still calls node:sqlite experimental, and those that people have. */
const NODES = ['22.18.0', '22', '24'];
const RESOLUTIONS = [
  { name: 'bundler', options: { module: 'esnext', moduleResolution: 'bundler' }, files: ['esm.ts'] },
  { name: 'node16', options: { module: 'node16', moduleResolution: 'node16' }, files: ['esm.mts', 'common.cts'] },
  { name: 'nodenext', options: { module: 'nodenext', moduleResolution: 'nodenext' }, files: ['esm.mts', 'common.cts'] },
];
/** Of user and system together. */
const MAX_HELP_SECONDS = 0.3;

/** The package as npm installs it, compilers and versions of Node that its users have. Takes minutes: CONTACT_TEST=all. */
describe('the package, installed from its tarball', function () {
  this.timeout(600_000);
  let folder: string;
  const binary = `node-${process.platform}-${process.arch}`;
  const nodePath = (version: string): string => join(folder, 'node_modules', `node-${version}`, 'bin', 'node');

  before(async function () {
    if (!isFull) return this.skip();
    folder = createFolder();
    writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }');
    const compilers = COMPILERS.map((version) => `typescript-${version}@npm:typescript@~${version}.0`);
    // The binary alone, since installing the package `node` needs a script to run.
    const nodes = NODES.map((version) => `node-${version}@npm:${binary}@${version}`);
    const tarball = await packPackage({ areTypesChecked: true });
    runIn(folder, 'npm', 'install', '--no-audit', '--no-fund', tarball, ...compilers, ...nodes, '@types/node@22');
  });

  after(removeFolders);

  for (const compiler of COMPILERS) {
    for (const { name, options, files } of RESOLUTIONS) {
      it(`has types for TypeScript ${compiler} with ${name}, and what that makes runs on each Node`, () => {
        const place = join(folder, `${compiler}-${name}`);
        mkdirSync(place);
        writeFileSync(join(place, 'package.json'), '{ "type": "module" }');
        for (const file of files) writeConsumer(place, file);
        const compilerOptions = { ...options, target: 'es2022', strict: true, types: ['node'], skipLibCheck: false };
        writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
        const tsc = join(folder, 'node_modules', `typescript-${compiler}`, 'bin', 'tsc');
        const { stdout } = spawnSync(process.execPath, [tsc, '--project', '.', '--pretty', 'false'], {
          cwd: place,
          encoding: 'utf8',
          env: plainEnvironment(),
        });
        const errors = stdout
          .split('\n')
          .filter((line) => line !== '' && !(compiler === '5.4' && NEEDS_NEWER.test(line)));
        assert.deepEqual(errors, []);
        for (const file of files) {
          const made = file.replace(/ts$/, 'js');
          for (const version of NODES)
            assert.equal(runIn(place, nodePath(version), made), TOLD, `${made} on ${version}`);
        }
      });
    }
  }

  for (const version of NODES) {
    it(`says nothing on stderr under Node ${version}, imported, required or as a command`, () => {
      writeFileSync(join(folder, 'requiring.cjs'), REQUIRING);
      const opens = `import { createServer } from 'contactd/server';
        const server = await createServer({ listen: '127.0.0.1:0', store: 'sqlite:${version}.db' });
        await server.listen();
        await server.close();
        process.emitWarning('another', 'ExperimentalWarning');`;
      writeFileSync(join(folder, 'opens.mjs'), opens);
      const command = join(folder, 'node_modules', 'contactd', 'bin', 'contact.js');
      const run = (...args: string[]): string => {
        const { status, stderr } = spawnSync(nodePath(version), args, {
          cwd: folder,
          encoding: 'utf8',
          env: plainEnvironment(),
        });
        assert.equal(status, 0, stderr);
        return stderr;
      };
      assert.equal(run('requiring.cjs'), '');
      assert.equal(run(command, '--help'), '');
      // What is not about SQLite is still said.
      assert.match(run('opens.mjs'), /^\(node:\d+\) ExperimentalWarning: another\n\(Use .*\)\n$/);
    });
  }

  for (const version of NODES) {
    it(`runs the worker, the producer and the observer of README.md under Node ${version}`, async () => {
      const programs: Program[] = [];
      const start = (...args: string[]): Program => {
        const program = startProgram(nodePath(version), args, { folder });
        programs.push(program);
        return program;
      };
      const run = (name: string, part: string): Program => {
        writeFileSync(join(folder, name), findBlock('ts', part).text.replaceAll('127.0.0.1:50051', address));
        return start(name);
      };
      const command = join(folder, 'node_modules', 'contactd', 'bin', 'contact.js');
      const server = start(command, 'serve', '--listen', '127.0.0.1:0', '--store', 'memory:');
      const [, address = ''] = await server.waitForLine(/^listening (\S+)$/);
      try {
        await run('worker.ts', 'concurrency: 8').waitForLine(/^connected$/);
        const producer = run('producer.ts', 'producer.enqueue');
        await producer.waitForLine(/^sum 7$/);
        await producer.succeed();
        await run('observer.ts', 'createObserver').waitForLine(/^succeeded 7 next [a-z0-9]+\.\d+$/);
      } finally {
        await Promise.all(programs.map((program) => program.stop()));
      }
    });
  }

  it(`has a command that tells its help in less than ${MAX_HELP_SECONDS} s of processor time`, () => {
    const command = join(folder, 'node_modules', '.bin', 'contact');
    const script = `TIMEFORMAT='%U %S'; time "${nodePath('24')}" "${command}" --help >/dev/null`;
    const times = Array.from({ length: 5 }, () => {
      const { stderr } = spawnSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8', env: plainEnvironment() });
      const [user = Number.NaN, system = Number.NaN] = stderr.trim().split(' ').map(Number);
      return user + system;
    });
    assert.ok(Math.min(...times) < MAX_HELP_SECONDS, times.join(', '));
  });
});
