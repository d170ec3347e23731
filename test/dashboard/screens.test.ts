import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { startBrowser, type TestBrowser, waitUntil } from '../scene/browser.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { FAILED_COUNT, type Load, startLoad } from './dashboard.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PHONE = { viewport: { width: 390, height: 844 } };
const LOOKED_AT: readonly string[] = ['overview', 'queue', 'failed tasks', 'new task'];

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** What axe-core finds that is serious: names that nobody hears, text that nobody can read. */
async function findObstacles(page: Page): Promise<readonly string[]> {
  // What a page loads is held to its policy; this is not.
  await page.evaluate(`${AXE}; undefined`);
  const findings = await page.evaluate<readonly Finding[]>(
    'axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations)',
  );
  return findings
    .filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
    );
}

describe('the dashboard', function () {
  this.timeout(120_000);
  let load: Load;
  let browser: TestBrowser;
  let failedTask: string;
  let runningTask: string;

  before(async function () {
    browser = await startBrowser(this);
    load = await startLoad();
    const [failed] = (await load.admin.listTasks({ states: ['failed'] })).tasks;
    const [running] = (await load.admin.listTasks({ states: ['running'] })).tasks;
    failedTask = failed!.id;
    runningTask = running!.id;
  });
  after(async () => {
    await browser?.close();
    await load?.close();
  });
  cleanUpProcesses();

  /** Each screen, and what it shows of the load once it has been read. */
  const SCREENS: readonly (readonly [name: string, path: () => string, shown: () => string])[] = [
    ['overview', () => '#/', () => `mails: ${FAILED_COUNT} tasks failed`],
    ['queues', () => '#/queues', () => 'thumbnails'],
    ['queue', () => '#/queues/mails', () => 'connect ECONNREFUSED for'],
    ['tasks', () => '#/tasks', () => 'page 4 of 10'],
    ['failed tasks', () => '#/tasks?queue=mails&state=failed', () => 'Why they failed'],
    ['failed task', () => `#/tasks/${failedTask}`, () => 'ECONNREFUSED'],
    ['running task', () => `#/tasks/${runningTask}`, () => 'page 4 of 10'],
    ['clients', () => '#/clients', () => 'painter'],
    ['client', () => '#/clients/painter', () => runningTask],
    ['live results', () => '#/results', () => 'connected'],
    ['new task', () => '#/enqueue', () => 'Payload'],
    ['an address that leads nowhere', () => '#/nowhere', () => 'There is no such screen'],
  ];

  for (const [name, path, shown] of SCREENS) {
    it(`shows ${name}: without an error or another origin, for who hears it, dark, and on a phone`, async () => {
      const { page, faults, origins } = await browser.open(load.url + path());
      await page.getByText(shown()).first().waitFor();
      // The short form looks at those with most on them.
      const isLookedAt = isFull || LOOKED_AT.includes(name);
      if (isLookedAt) assert.deepEqual(await findObstacles(page), []);
      await page.emulateMedia({ colorScheme: 'dark' });
      await waitUntil(page, 'document.documentElement.dataset.theme === "dark"');
      if (isLookedAt) assert.deepEqual(await findObstacles(page), [], 'dark');
      await page.setViewportSize(PHONE.viewport);
      const width = await page.evaluate<number>('document.documentElement.scrollWidth');
      assert.equal(width, PHONE.viewport.width, 'it is wider than a phone');
      assert.deepEqual(faults, []);
      assert.deepEqual([...origins], [new URL(load.url).origin]);
      await page.context().close();
    });
  }

  it('plots the last hour of all queues and of one, and tells the newest values to who hears it', async () => {
    for (const path of ['#/', '#/queues/mails']) {
      const { page } = await browser.open(load.url + path);
      await page
        .getByRole('img', { name: /^Tasks a second, the last hour\. Newest: stored \S+, succeeded / })
        .waitFor();
      assert.equal(await page.locator('.plot canvas').count(), 3);
      assert.equal(await page.getByRole('alert').count(), 0);
      await page.context().close();
    }
  });

  it('says on every screen that the server is away, and goes on when it is back', async () => {
    const { page } = await browser.open(`${load.url}#/queues`);
    await page.getByText('thumbnails').first().waitFor();
    await page.context().setOffline(true);
    await page.getByText('The server cannot be reached.').first().waitFor();
    assert.ok(await page.getByText('thumbnails').first().isVisible(), 'what was read is still there');
    await page.context().setOffline(false);
    await page.getByText('The server cannot be reached.').first().waitFor({ state: 'detached' });
    await page.context().close();
  });
});
