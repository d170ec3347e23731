import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { createAdmin, createProducer } from '../../client/index.ts';
import { startBrowser, type TestBrowser, waitUntil } from '../scene/browser.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, type ServerProcess } from '../scene/process.ts';
import { startDashboard } from './dashboard.ts';

const [QUEUES, TASKS] = isFull ? [6_000, 100_000] : [600, 3_000];
/** Longer than that nobody waits for a page to answer a key. */
const MAX_PAUSE_MS = 200;
/** Rows that are in the page at a time, whatever many there are. */
const MAX_ROWS = 160;

/** Nobody serves these queues, which a producer would say of each. */
const SILENT = { info: () => undefined, warn: () => undefined };

/** More queues and tasks than anybody reads: the page stays quick, and every list is bounded. */
describe(`the dashboard of ${QUEUES} queues and ${TASKS} tasks`, function () {
  this.timeout(300_000);
  let server: ServerProcess;
  let browser: TestBrowser;
  let page: Page;

  before(async function () {
    browser = await startBrowser(this);
    server = await startDashboard();
    const producer = createProducer({ server: server.address, logger: SILENT });
    for (let from = 0; from < TASKS; from += 1_000) {
      const batch = Array.from({ length: Math.min(1_000, TASKS - from) }, (_, place) => ({
        queue: `queue-${String((from + place) % QUEUES).padStart(4, '0')}`,
        payload: from + place,
      }));
      await producer.enqueueBatch(batch);
    }
    await producer.close();
  });
  beforeEach(async () => {
    ({ page } = await browser.open(`http://${server.address}/`));
    await browser.startWatching(page);
  });
  afterEach(() => page.context().close());
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  cleanUpProcesses();

  /** How long the page answered nothing, by its own time of the processor, which no other program on this machine lengthens. */
  async function checkPauses(): Promise<void> {
    const pause = await browser.stopWatching();
    assert.ok(pause > 0 && pause < MAX_PAUSE_MS, `it answered nothing for ${pause} ms`);
  }
  const countRows = (): Promise<number> => page.evaluate('document.querySelectorAll("tbody tr").length');

  it('lists all queues, of which those that are seen are in the page', async () => {
    await page.goto(`http://${server.address}/#/queues`);
    const last = `queue-${String(QUEUES - 1).padStart(4, '0')}`;
    await page.getByRole('link', { name: 'queue-0000', exact: true }).waitFor();
    assert.ok((await countRows()) <= MAX_ROWS, `${await countRows()} rows`);
    assert.equal(await page.getByRole('table').getAttribute('aria-rowcount'), String(QUEUES + 1));
    await page.evaluate('window.scrollTo(0, document.body.scrollHeight)');
    await page.getByRole('link', { name: last, exact: true }).waitFor();
    assert.ok((await countRows()) <= MAX_ROWS, `${await countRows()} rows`);
    await page.getByRole('button', { name: 'Ready' }).click();
    await page.getByLabel('Part of the name of a queue').fill('599');
    await page.getByRole('link', { name: 'queue-0599', exact: true }).waitFor();
    await checkPauses();
  });

  it('pages through tasks, newest first, and back', async () => {
    await page.goto(`http://${server.address}/#/tasks`);
    await page
      .getByRole('link', { name: /^task / })
      .first()
      .waitFor();
    const ids = (): Promise<readonly string[]> =>
      page.evaluate('[...document.querySelectorAll("tbody td:first-child a")].map((a) => a.title)');
    const first = await ids();
    assert.equal(first.length, 100);
    await page.getByRole('button', { name: 'Older' }).click();
    await page.getByText('Page 2').waitFor();
    await waitUntil(page, `document.querySelector("tbody td:first-child a")?.title < ${JSON.stringify(first.at(-1))}`);
    await page.getByRole('button', { name: 'Newer' }).click();
    await waitUntil(page, `document.querySelector("tbody td:first-child a")?.title === ${JSON.stringify(first[0])}`);
    await checkPauses();
  });

  it('acts on all that a filter finds, in steps, by the count of the server', async () => {
    const admin = createAdmin({ server: server.address });
    try {
      await page.goto(`http://${server.address}/#/tasks?state=ready`);
      const count = TASKS.toLocaleString('en');
      await page.getByRole('button', { name: `Cancel ${count}` }).click();
      await page.getByRole('button', { name: `Cancel: ${count} tasks` }).click();
      await page.getByText(`${count} tasks cancelled`).waitFor({ timeout: 120_000 });
      assert.equal((await admin.countTasks({ states: ['cancelled'] })).cancelled, TASKS);
    } finally {
      await admin.close();
    }
    await checkPauses();
  });
});
