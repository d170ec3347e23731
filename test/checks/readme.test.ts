import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ROOT, runTool } from '../../scripts/tool.ts';
import { createFolder } from '../scene/folder.ts';
import { type Program, startProgram } from '../scene/program.ts';
import { findPython, PYTHON_NEEDS } from '../scene/python.ts';
import { findBlock, readBlocks } from './readme.ts';

const ADDRESS = '127.0.0.1:50051';
const COMMAND = join(ROOT, 'bin', 'contact.js');

describe('README.md', function () {
  this.timeout(120_000);
  let folder: string;
  let server: Program;
  let address: string;
  const programs: Program[] = [];

  /** Writes a block as a file of the folder, speaking to the server of this test. */
  function write(name: string, text: string): string {
    writeFileSync(join(folder, name), text.replaceAll(ADDRESS, address));
    return name;
  }

  function start(command: string, ...args: string[]): Program {
    const program = startProgram(command, args, { folder });
    programs.push(program);
    return program;
  }

  before(async () => {
    folder = createFolder();
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(ROOT, join(folder, 'node_modules', 'contactd'));
    // What generated code imports.
    symlinkSync(join(ROOT, 'node_modules', '@bufbuild'), join(folder, 'node_modules', '@bufbuild'));
    symlinkSync(join(ROOT, 'node_modules', 'zod'), join(folder, 'node_modules', 'zod'));
    symlinkSync(join(ROOT, 'proto'), join(folder, 'proto'));
    symlinkSync(join(ROOT, 'examples', 'reverse', 'gen'), join(folder, 'gen'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    server = startProgram(
      process.execPath,
      [COMMAND, 'serve', '--listen', '127.0.0.1:0', '--store', 'sqlite:test.db'],
      {
        folder,
      },
    );
    address = (await server.waitForLine(/^listening (\S+)$/))[1] ?? '';
  });

  afterEach(async () => {
    await Promise.all(programs.splice(0).map((program) => program.stop()));
  });

  after(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('keeps its examples short', () => {
    for (const { language, text, lineCount } of readBlocks()) {
      const most = { ts: 10, sh: 6, python: text.includes('contact.v1') ? 28 : 15 }[language];
      assert.ok(most !== undefined && lineCount <= most, `${lineCount} lines of ${language}:\n${text}`);
    }
  });

  it('installs the tarball that a checkout packs', () => {
    const { name, version, scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    assert.equal(readBlocks()[0]?.text, `npm install ${name}\n`);
    const [pack = '', install = ''] = findBlock('sh', 'npm pack').text.split('\n');
    for (const [, script = ''] of pack.matchAll(/npm run (\S+)/g)) assert.ok(script in scripts, script);
    assert.ok(install.startsWith('npm install ') && install.endsWith(`/${name}-${version}.tgz`), install);
    // What is packed from a checkout that was built is tried by test/e2e/package.test.ts.
    assert.match(pack, / npm pack \.\/dist$/);
  });

  it('has TypeScript that compiles', () => {
    const blocks = readBlocks().filter(({ language }) => language === 'ts');
    const files = blocks.map(({ text }, at) => write(`block-${at}.ts`, text));
    const compilerOptions = { typeRoots: [join(ROOT, 'node_modules', '@types')], types: ['node'], rootDir: '/' };
    const config = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, files, include: [] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const run = runTool('tsc', ['--project', '.', '--pretty', 'false'], folder);
    assert.ok(run.isOk, run.output);
  });

  it('runs its worker, producer and observer', async () => {
    const worker = start(process.execPath, write('worker.ts', findBlock('ts', 'concurrency: 8').text));
    await worker.waitForLine(/^connected$/);
    const producer = start(process.execPath, write('producer.ts', findBlock('ts', 'producer.enqueue').text));
    await producer.waitForLine(/^sum 7$/);
    await producer.succeed();
    const observer = start(process.execPath, write('observer.ts', findBlock('ts', 'createObserver').text));
    await observer.waitForLine(/^succeeded 3 next [a-z0-9]+\.\d+$/);
    await observer.waitForLine(/^succeeded 7 next [a-z0-9]+\.\d+$/);
    await worker.stop();
  });

  it('runs a kind of task with a schema', async () => {
    const program = start(process.execPath, write('products.ts', findBlock('ts', 'defineTask').text));
    await program.waitForLine(/^product 12$/);
    await program.succeed();
  });

  it('calls a client, live and durable, and what a running server serves', async () => {
    const worker = start(process.execPath, write('callee.ts', findBlock('ts', 'worker.serve').text));
    await worker.waitForLine(/^serving$/);
    const caller = start(process.execPath, write('caller.ts', findBlock('ts', 'createCaller').text));
    await caller.waitForLine(/^Hello, Ada!$/);
    await caller.waitForLine(/^kept \S+ Hello, whenever!$/);
    await caller.succeed();
    const [live = '', durable = '', expose = ''] = findBlock('sh', 'contact expose').text.split('\n');
    const contact = (line: string, at: string): Program => {
      const command = `exec "${process.execPath}" "${COMMAND}" ${line.replace(/^contact /, '').replace(/ &$/, '')}`;
      const program = startProgram('bash', ['-c', command], { folder, environment: { CONTACT_SERVER: at } });
      programs.push(program);
      return program;
    };
    for (const line of [live, durable]) {
      const call = contact(line, address);
      await call.waitForLine(/^\{"message":"Hello, Ada!"\}$/);
      await call.succeed();
    }
    // The server that runs already is a contact server with the worker behind it.
    const other = start(process.execPath, COMMAND, 'serve', '--listen', '127.0.0.1:0', '--store', 'memory:');
    const [, at = ''] = await other.waitForLine(/^listening (\S+)$/);
    assert.match(expose, / --to 127\.0\.0\.1:8080 &$/);
    await contact(expose.replace('127.0.0.1:8080', address), at).waitForLine(/^exposed helloworld\.Greeter/);
    const call = contact(live.replace(' --client robot-7', ''), at);
    await call.waitForLine(/^\{"message":"Hello, Ada!"\}$/);
    await call.succeed();
  });

  it('serves inside a program', async () => {
    const program = start(process.execPath, write('server.ts', findBlock('ts', 'createServer').text));
    await program.waitForLine(/^listening 127\.0\.0\.1:\d+$/);
    await program.stop();
    await program.succeed();
  });

  it('runs its command lines', async () => {
    const port = await findPort();
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin', 'contact'), `#!/bin/sh\nexec "${process.execPath}" "${COMMAND}" "$@"\n`);
    chmodSync(join(folder, 'bin', 'contact'), 0o755);
    const lines = findBlock('sh', 'contact serve --store').text.replace('serve', `serve --listen 127.0.0.1:${port}`);
    const more = findBlock('sh', 'contact top').text;
    const bench = findBlock('sh', 'contact bench').text.replaceAll('--seconds 5', '--seconds 1');
    write('commands.sh', `set -euo pipefail\ntrap 'kill $(jobs -p); wait' EXIT\n${lines}${more}${bench}`);
    const script = startProgram('bash', ['commands.sh'], {
      folder,
      environment: {
        CONTACT_SERVER: `127.0.0.1:${port}`,
        PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH ?? ''}`,
      },
    });
    programs.push(script);
    await script.waitForLine(new RegExp(createHash('sha256').update('hello').digest('hex')));
    await script.waitForLine(/^1 client: 1 succeeded$/);
    await script.waitForLine(/^lost +0$/);
    await script.waitForLine(/"succeeded":500,.*"lost":0/);
    await script.succeed();
  });

  it('runs its Python clients', async function () {
    const python = findPython();
    if (python === undefined) {
      console.warn(`      SKIPPED: ${PYTHON_NEEDS}`);
      return this.skip();
    }
    execFileSync('bash', ['-euc', findBlock('sh', 'protoc').text], { cwd: folder, stdio: 'pipe' });
    const enqueue = (queue: string, text: string): Promise<RegExpExecArray> =>
      start(process.execPath, COMMAND, 'enqueue', queue, text, '--wait', '--server', address).waitForLine(/^[A-Z]+$/);

    const classic = start(python, '-u', write('classic.py', findBlock('python', 'getTask').text));
    assert.equal((await enqueue('default', 'classic'))[0], 'CLASSIC');
    await classic.stop();
    const v1 = start(python, '-u', write('v1.py', findBlock('python', 'GetTask').text));
    assert.equal((await enqueue('texts', 'bare'))[0], 'BARE');
    await v1.waitForLine(/^[0-9a-f-]{36} OUTCOME_CODE_STORED$/);
    await v1.stop();
  });

  it('runs its Python worker of v1 where a result cannot be stored at first', async function () {
    const python = findPython();
    if (python === undefined) {
      console.warn(`      SKIPPED: ${PYTHON_NEEDS}`);
      return this.skip();
    }
    execFileSync('bash', ['-euc', findBlock('sh', 'protoc').text], { cwd: folder, stdio: 'pipe' });
    // The example works on its task until the store is locked.
    const head = 'def run(task):\n';
    const { text } = findBlock('python', 'GetTask');
    assert.ok(text.includes(head));
    const wait = `    print("works")\n    while not os.path.exists("locked"):\n        time.sleep(0.01)\n`;
    const worker = start(python, '-u', write('later.py', `import os\n${text.replace(head, head + wait)}`));
    const call = start(process.execPath, COMMAND, 'enqueue', 'texts', 'late', '--wait', '--server', address);
    await worker.waitForLine(/^works$/);
    const other = new DatabaseSync(join(folder, 'test.db'), { timeout: 5_000 });
    try {
      other.exec('BEGIN IMMEDIATE');
      write('locked', '');
      await worker.waitForLine(/OUTCOME_CODE_RETRY_LATER$/);
    } finally {
      other.close();
    }
    await worker.waitForLine(/OUTCOME_CODE_STORED$/);
    await call.waitForLine(/^LATE$/);
    await worker.stop();
  });
});

/** A port that was free a moment ago. */
async function findPort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
