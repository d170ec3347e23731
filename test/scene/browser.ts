import { existsSync } from 'node:fs';
import type { Context } from 'mocha';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { skipLoudly } from './skip.ts';
import { until } from './until.ts';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** A page in a browser of its own profile, and what went wrong in it. */
export interface Tab {
  readonly page: Page;
  /** What the page threw, or told the console as an error. */
  readonly faults: string[];
  /** Where requests went, each once. */
  readonly origins: Set<string>;
  /** Where requests went, with their paths. */
  readonly urls: string[];
}

export interface TestBrowser {
  open(url: string, options?: BrowserContextOptions): Promise<Tab>;
  /** Looks at what a page is busy with, until it is asked for that. */
  startWatching(page: Page): Promise<void>;
  /** Milliseconds of the processor that the longest thing took which the page did at a time. */
  stopWatching(): Promise<number>;
  close(): Promise<void>;
}

/** What the browser tells of a task of one of its threads, in microseconds. */
interface Traced {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** Starts a browser without a window; where there is none the suite is skipped, and says so. */
export async function startBrowser(test: Context): Promise<TestBrowser> {
  if (!existsSync(CHROMIUM)) skipLoudly(test, `there is no ${CHROMIUM} (Debian: chromium; or CHROMIUM=path)`);
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  return {
    async open(url, options = { viewport: { width: 1_280, height: 860 } }) {
      const context = await browser.newContext(options);
      const page = await context.newPage();
      const tab: Tab = { page, faults: [], origins: new Set(), urls: [] };
      page.on('pageerror', (error) => tab.faults.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') tab.faults.push(message.text());
      });
      page.on('request', (request) => {
        tab.origins.add(new URL(request.url()).origin);
        tab.urls.push(request.url());
      });
      await page.goto(url);
      return tab;
    },
    startWatching: (page) => browser.startTracing(page, { categories: ['toplevel', '__metadata'] }),
    async stopWatching() {
      const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: Traced[] };
      const pages = traceEvents.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain');
      const tasks = traceEvents.filter(({ pid, tid }) => pages.some((one) => one.pid === pid && one.tid === tid));
      return Math.max(0, ...tasks.map(({ tdur = 0 }) => tdur)) / 1_000;
    },
    close: () => browser.close(),
  };
}

/** Waits until an expression is true in a page. What a page evaluates by itself would be refused by its policy. */
export async function waitUntil(page: Page, expression: string): Promise<void> {
  await until(expression, () => page.evaluate<boolean>(`Boolean(${expression})`));
}
