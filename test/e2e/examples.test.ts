import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, startNode, startServer } from '../scene/process.ts';

const EXAMPLES = join(import.meta.dirname, '..', '..', 'examples');

describe('examples/', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  it('run: worker, producer, and an observer that goes on where it stopped', async () => {
    const server = await startServer();
    const start = (name: string, ...args: string[]) => startNode([join(EXAMPLES, name), server.address, ...args]);
    const cursorFile = join(createFolder(), 'cursor');
    const worker = start('worker.ts');
    const observer = start('observer.ts', cursorFile);
    const producer = await start('producer.ts').ended;
    assert.equal(producer.code, 0, producer.stderr);
    assert.match(producer.stdout, /^1000 tasks stored\n\S+ is new\n\S+ was there already\n\{ words: 3 \}\n$/);
    await observer.waitFor(/^(?:\S+ succeeded \d+\n){20}/, 'stdout');
    const first = await observer.stop('SIGINT');
    assert.equal(first.code, 0);
    assert.match(readFileSync(cursorFile, 'utf8'), /^[a-z0-9]+\.\d+$/);
    const again = start('observer.ts', cursorFile);
    await again.waitFor(/^(?:\S+ succeeded \d+\n){20}/, 'stdout');
    const second = await again.stop('SIGINT');
    const ids = `${first.stdout}${second.stdout}`
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal((await worker.stop()).code, 0);
    await server.stop();
  });

  it('demo: finds nothing missing after a worker was killed', async () => {
    const demo = startNode([join(EXAMPLES, 'demo', 'main.ts'), '400']);
    const { code, stdout, stderr } = await demo.ended;
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /worker-2 got SIGKILL/);
    assert.match(stdout, /answers wrong +0\n/);
    assert.match(stdout, /delivered twice because of the kill +[1-9]\d*\n/);
    assert.match(stdout, /Nothing is missing\.\n$/);
  });

  it('demo: leaves no process when it is interrupted', async () => {
    const demo = startNode([join(EXAMPLES, 'demo', 'main.ts'), '400']);
    const [, address] = await demo.waitFor(/listening (\S+)$/m, 'stdout');
    await demo.waitFor(/worker processes/, 'stdout');
    const { code } = await demo.stop('SIGINT');
    assert.equal(code, 130);
    const port = Number(address?.split(':')[1]);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`), /fetch failed/);
  });
});
