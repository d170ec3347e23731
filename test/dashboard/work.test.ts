import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { startBrowser, type TestBrowser, waitUntil } from '../scene/browser.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { until } from '../scene/until.ts';
import { FAILED_COUNT, type Load, startLoad } from './dashboard.ts';

/** What an operator does with the dashboard, with a mouse and with the keyboard alone. */
describe('an operator at the dashboard', function () {
  this.timeout(120_000);
  let load: Load;
  let browser: TestBrowser;
  let page: Page;

  before(async function () {
    browser = await startBrowser(this);
    load = await startLoad();
  });
  beforeEach(async () => {
    ({ page } = await browser.open(load.url));
    await page.getByText('Needs attention').waitFor();
  });
  afterEach(() => page.context().close());
  after(async () => {
    await browser?.close();
    await load?.close();
  });
  cleanUpProcesses();

  it('goes everywhere by keys, and is where it went', async () => {
    const isAt = (hash: string): Promise<unknown> =>
      until(hash, () => page.evaluate(`location.hash === ${JSON.stringify(hash)}`));
    await page.keyboard.press('g');
    await page.keyboard.press('q');
    await isAt('#/queues');
    await waitUntil(page, 'document.activeElement.id === "main"');
    const link = page.getByRole('link', { name: 'archive', exact: true });
    await link.focus();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await isAt('#/queues/exports');
    await page.getByText('Waiting for a client: none that is connected serves').waitFor();
    const { tasks } = await load.admin.listTasks({ queues: ['exports'] });
    await page.keyboard.press('/');
    await page.keyboard.type(tasks[0]!.id);
    await page.keyboard.press('Enter');
    await isAt(`#/tasks/${tasks[0]!.id}`);
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('/');
    await page.keyboard.type('customer=3');
    await page.keyboard.press('Enter');
    await isAt('#/tasks?metadata=customer%3D3');
    await page.getByText('user3@example.org').waitFor();
    assert.equal(await page.getByRole('row').count(), 2);
  });

  it('changes nothing unless it is said so, and has the focus back where it was', async () => {
    await page.goto(`${load.url}#/tasks?queue=mails&state=failed`);
    const button = page.getByRole('button', { name: `Run again ${FAILED_COUNT}` });
    await button.click();
    await page.getByText(`The server finds ${FAILED_COUNT} tasks`).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await waitUntil(page, 'document.activeElement.textContent.startsWith("Run again")');
    assert.equal((await load.admin.countTasks({ states: ['failed'] })).failed, FAILED_COUNT);
  });

  it('resumes what is paused, and is told so', async () => {
    await page.getByRole('link', { name: 'Resume: archive is paused' }).click();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByText('archive goes on').waitFor();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    const { queues } = await load.admin.listQueues();
    assert.equal(queues.find(({ name }) => name === 'archive')?.paused, false);
    await page.getByText(/anonymous.*resumed/).waitFor();
  });

  it('cancels a task that runs, and is asked before', async () => {
    const [running] = (await load.admin.listTasks({ states: ['running'] })).tasks;
    await page.goto(`${load.url}#/tasks/${running!.id}`);
    await page.getByRole('progressbar').waitFor();
    await page.getByRole('button', { name: 'Cancel …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the task' }).click();
    await page.getByText('Cancel asked for').waitFor();
    await until(
      'it is cancelled',
      async () => (await load.admin.countTasks({ states: ['cancelled'] })).cancelled === 1,
    );
  });

  it('stores a task by hand, is told what is wrong with it before, and sees what came of it', async () => {
    await page.goto(`${load.url}#/enqueue?queue=sums`);
    await page.getByLabel('Payload').fill('{ a: 1 }');
    await page.getByRole('button', { name: 'Store the task' }).click();
    await page.getByText('The payload is no JSON').waitFor();
    assert.equal(await page.getByLabel('Payload').getAttribute('aria-invalid'), 'true');
    await page.getByLabel('Payload').fill('{ "a": 1 }');
    await page.getByLabel('Metadata', { exact: true }).fill('by=hand');
    await page.getByRole('button', { name: 'Store the task' }).click();
    await page.getByText('"sent": true').waitFor();
    const [task] = (await load.admin.listTasks({ metadata: { by: 'hand' } })).tasks;
    assert.equal(task?.queue, 'sums');
  });

  it('sees tasks as they settle, also those of the time in which the line was cut', async () => {
    await page.goto(`${load.url}#/results`);
    await page.getByText('connected').waitFor();
    const first = await load.producer.enqueue('sums', 1);
    await page.locator(`a[href="#/tasks/${first.id}"]`).waitFor();
    await page.context().setOffline(true);
    const second = await load.producer.enqueue('sums', 2);
    await until('it is settled', async () => (await load.admin.describeTask(second.id)).settledAt);
    await page.context().setOffline(false);
    await page.locator(`a[href="#/tasks/${second.id}"]`).waitFor();
    assert.equal(await page.locator(`a[href="#/tasks/${first.id}"]`).count(), 1);
  });

  it('drains a client and lets it go on', async () => {
    await page.goto(`${load.url}#/clients/painter`);
    await page.getByRole('button', { name: 'Drain' }).click();
    await page.getByText('draining').waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByText('painter takes tasks again').waitFor();
    assert.equal((await load.admin.describeClient('painter')).client?.draining, false);
  });

  it('understands a queue that fails and has its tasks run again, in four clicks', async () => {
    let clicks = 0;
    const click = async (role: 'link' | 'button', name: string | RegExp): Promise<void> => {
      clicks += 1;
      await page.getByRole(role, { name }).click();
    };
    await click('link', `See why: mails: ${FAILED_COUNT} tasks failed`);
    await page.getByText('Why they failed').waitFor();
    await page.getByText('connect ECONNREFUSED for').first().waitFor();
    load.mend();
    await click('button', `Run again ${FAILED_COUNT}`);
    await click('button', `Run again: ${FAILED_COUNT} tasks`);
    await page.getByText(`${FAILED_COUNT} tasks ready again`).waitFor();
    await click('link', /^succeeded/);
    await page.getByRole('row').nth(FAILED_COUNT).waitFor();
    assert.equal(clicks, 4);
    assert.deepEqual((await load.admin.countTasks({ queues: ['mails'] })).failed, 0);
  });
});
