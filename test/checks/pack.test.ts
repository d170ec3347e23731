import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildPackage } from '../../scripts/build.ts';
import { ROOT, toolEnvironment } from '../../scripts/tool.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';

const OLDEST_NODE = '22';

const WORKER = `
import { createProducer, createWorker } from 'contact/client';
const server = process.argv[2];
const worker = createWorker({
  server,
  queues: ['sums'],
  handler: async ({ a, b }: { a: number; b: number }) => a + b,
});
await worker.connected();
const producer = createProducer({ server });
console.log('sum', await producer.call('sums', { a: 2, b: 3 }));
await producer.close();
await worker.stop();
`;

/** The package as it is published, in an empty folder. Takes minutes: only with CONTACT_TEST=all. */
describe('npm pack', function () {
  this.timeout(600_000);
  let folder: string;
  const nodes = new Map([['the Node of this project', process.execPath]]);

  function run(command: string, ...args: string[]): string {
    return execFileSync(command, args, { cwd: folder, encoding: 'utf8', env: toolEnvironment(), stdio: 'pipe' });
  }

  before(function () {
    if (!isFull) return this.skip();
    folder = createFolder();
    buildPackage();
    run('npm', 'pack', join(ROOT, 'dist'), '--silent');
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
    assert.ok(tarball);
    writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }');
    // The binary alone, since installing the package `node` needs a script to run.
    const oldest = `node-${process.platform}-${process.arch}`;
    run('npm', 'install', '--no-audit', '--no-fund', `./${tarball}`, `${oldest}@${OLDEST_NODE}`, '@types/node@22');
    nodes.set(`Node ${OLDEST_NODE}`, join(folder, 'node_modules', oldest, 'bin', 'node'));
  });

  after(() => {
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  it('has a command that runs', () => {
    const command = join(folder, 'node_modules', 'contact', 'bin', 'contact.js');
    for (const [name, node] of nodes) {
      const help = run(node, command, '--help');
      for (const word of ['serve', 'work', 'enqueue', 'results', 'tasks']) assert.match(help, new RegExp(word), name);
    }
  });

  it('has types that a reader compiles against', () => {
    writeFileSync(join(folder, 'worker.ts'), WORKER);
    const options = [
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--strict',
      '--types',
      'node',
      '--skipLibCheck',
      'false',
    ];
    run('tsc', ...options, 'worker.ts');
    assert.ok(readdirSync(folder).includes('worker.js'));
  });

  it('serves, and a worker of ten lines works', async () => {
    const command = join(folder, 'node_modules', 'contact', 'bin', 'contact.js');
    for (const [name, node] of nodes) {
      const options = ['serve', '--listen', '127.0.0.1:0', '--store', 'memory:'];
      const server = spawn(node, [command, ...options], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
      try {
        const address = await readAddress(server);
        assert.equal(run(node, 'worker.js', address).trim(), 'sum 5', name);
      } finally {
        const exit = once(server, 'exit');
        server.kill('SIGTERM');
        await exit;
      }
    }
  });
});

/** HOST:PORT of the line `listening HOST:PORT`. */
async function readAddress(server: ChildProcess): Promise<string> {
  assert.ok(server.stdout);
  for await (const line of createInterface(server.stdout)) {
    const address = /^listening (\S+)$/.exec(line)?.[1];
    if (address) return address;
  }
  return assert.fail('the server ended before it listened');
}
