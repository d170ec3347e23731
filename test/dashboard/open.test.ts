import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pageOf } from '../../cli/serve/page.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, startServer } from '../scene/process.ts';
import { until } from '../scene/until.ts';
import { startDashboard } from './dashboard.ts';

describe('contact serve --open', function () {
  this.timeout(60_000);
  cleanUpProcesses();

  it('shows the page of the server that listens, which is there', async () => {
    const folder = createFolder();
    const told = join(folder, 'told');
    writeFileSync(join(folder, 'xdg-open'), `#!/bin/sh\nprintf '%s' "$1" > ${told}.part && mv ${told}.part ${told}\n`);
    chmodSync(join(folder, 'xdg-open'), 0o755);
    const server = await startDashboard({ args: ['--open'], env: { PATH: `${folder}:${process.env.PATH}` } });
    const url = await until('the browser is started', () => readText(told));
    assert.equal(url, `http://${server.address}/`);
    const page = await fetch(url);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /<title>contact<\/title>/);
    await server.stop();
  });

  it('serves all the same where no browser can be started, and says so', async () => {
    const server = await startServer({ args: ['--open'], env: { PATH: createFolder() } });
    await server.waitFor(/no browser could be started/, 'stderr');
    const { code } = await server.stop();
    assert.equal(code, 0);
  });
});

describe('pageOf()', () => {
  it('is the first address that a browser here can reach', () => {
    assert.equal(pageOf(['unix:/tmp/a.sock', '0.0.0.0:50051', '10.0.0.7:80'], false), 'http://127.0.0.1:50051/');
    assert.equal(pageOf(['[::]:50051'], true), 'https://[::1]:50051/');
    assert.equal(pageOf(['10.0.0.7:443'], true), 'https://10.0.0.7:443/');
    assert.equal(pageOf(['unix:/tmp/a.sock'], false), undefined);
  });
});

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
