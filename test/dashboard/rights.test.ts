import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAccess, createAdmin, createProducer } from '../../client/index.ts';
import { startBrowser, type TestBrowser } from '../scene/browser.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, type ServerProcess } from '../scene/process.ts';
import { until } from '../scene/until.ts';
import { startDashboard } from './dashboard.ts';

/** A server that asks who calls: the page offers what the caller may do, and the server decides. */
describe('who signs in to the dashboard', function () {
  this.timeout(120_000);
  let server: ServerProcess;
  let browser: TestBrowser;
  let url: string;
  let operator: string;
  let observer: string;
  let admin: ReturnType<typeof createAdmin>;

  before(async function () {
    browser = await startBrowser(this);
    const store = join(createFolder(), 'contact.db');
    server = await startDashboard({ store: `sqlite:${store}`, args: ['--auth', 'on'] });
    url = `http://${server.address}/`;
    operator = (await until('the token is there', () => readToken(`${store}.operator-token`))).trim();
    const connection = { server: server.address, token: operator, insecure: true };
    const access = createAccess(connection);
    ({ token: observer } = await access.createToken({ name: 'watcher', roles: ['observer'], queues: ['mails'] }));
    await access.close();
    const producer = createProducer(connection);
    await producer.enqueue('mails', 1);
    await producer.enqueue('salaries', 1);
    await producer.close();
    admin = createAdmin(connection);
  });
  after(async () => {
    await browser?.close();
    await admin?.close();
    await server?.stop();
  });
  cleanUpProcesses();

  async function signIn(token: string) {
    const tab = await browser.open(url);
    await tab.page.getByLabel('Token').fill(token);
    await tab.page.getByRole('button', { name: 'Sign in' }).click();
    return tab;
  }

  it('is asked for a token, which is kept for the tab alone and is in no address', async () => {
    const { page, urls } = await signIn(operator);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    assert.deepEqual(
      urls.filter((one) => one.includes(operator)),
      [],
    );
    const kept = await page.evaluate<string>('JSON.stringify([localStorage, document.cookie, location.href])');
    assert.ok(!kept.includes(operator), kept);
    const another = await page.context().newPage();
    await another.goto(url);
    await another.getByLabel('Token').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).first().click();
    await page.getByLabel('Token').waitFor();
    assert.equal(await page.evaluate('sessionStorage.length'), 0);
    await page.context().close();
  });

  it('is told why, with a token that is worth nothing', async () => {
    const { page } = await signIn(`ct_${'a'.repeat(16)}_${'b'.repeat(43)}`);
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Token').waitFor();
    await page.context().close();
  });

  it('sees its own queues, and is offered no act that is not for it; the server refuses it too', async () => {
    const { page } = await signIn(observer);
    await page.getByRole('link', { name: 'Queues' }).click();
    await page.getByRole('link', { name: 'mails', exact: true }).click();
    await page.getByRole('heading', { name: 'mails' }).waitFor();
    await page.getByText('Sessions that draw from it').waitFor();
    for (const name of ['Pause', 'Cancel what waits …'])
      assert.equal(await page.getByRole('button', { name }).count(), 0);
    assert.equal(await page.getByRole('link', { name: 'New task' }).count(), 0);
    await page.goto(`${url}#/queues`);
    await page.getByRole('link', { name: 'mails', exact: true }).waitFor();
    assert.equal(await page.getByText('salaries').count(), 0);
    const status = await page.evaluate<number>(
      `fetch('/v1/queues/mails/pause', { method: 'POST', headers: { authorization: 'Bearer ${observer}' } }).then((r) => r.status)`,
    );
    assert.equal(status, 403);
    assert.equal((await admin.listQueues()).queues.find(({ name }) => name === 'mails')?.paused, false);
    await page.context().close();
  });
});

function readToken(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
