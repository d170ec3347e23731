import assert from 'node:assert/strict';
import { describe } from 'mocha';
import { connect, enqueue } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { isInstalled, PROXY_KINDS, startRealProxy } from '../scene/realproxies.ts';
import { startScene } from '../scene/server.ts';
import { skipLoudly } from '../scene/skip.ts';
import { never, until } from '../scene/until.ts';
import { nameOf, openWorker, tell } from '../scene/worker.ts';

const IDLE_SECONDS = 2;
const IDLE_MS = 1_000 * IDLE_SECONDS;
const KEEPALIVE = { 'grpc.keepalive_time_ms': 500, 'grpc.keepalive_permit_without_calls': 1 };

interface Case {
  readonly words: string;
  readonly isWatchKept: boolean;
  readonly pingIntervalMs: number;
  readonly options: object;
}

/** By the titles of the proxies; docs/proxies.md says the same. */
const CASES: Readonly<Record<string, Case>> = {
  nginx: { words: 'by the keepalive of the server', isWatchKept: true, pingIntervalMs: 400, options: {} },
  'haproxy with TCP': {
    words: 'by their own keepalive',
    isWatchKept: true,
    pingIntervalMs: 60_000,
    options: KEEPALIVE,
  },
  'haproxy with HTTP/2': { words: 'by nothing', isWatchKept: false, pingIntervalMs: 400, options: KEEPALIVE },
};

describe('streams that say nothing for longer than a proxy waits', () => {
  cleanUpProcesses();
  afterEach(closeScene);

  for (const kind of PROXY_KINDS) {
    const { words, isWatchKept, pingIntervalMs, options } = CASES[kind.title]!;
    it(`(${kind.title}) of health watchers are kept ${words}`, async function () {
      if (!isInstalled(kind)) skipLoudly(this, `${kind.program} is not installed`);
      const scene = await startScene({ pingIntervalMs });
      const proxy = await startRealProxy(kind, scene.address, IDLE_SECONDS);
      const watch = connect(proxy, options).health.watch({ service: '' });
      let isEnded = false;
      watch.on('data', () => undefined);
      watch.on('error', () => undefined);
      watch.on('status', () => {
        isEnded = true;
      });
      if (isWatchKept) await never('an end', () => isEnded, 2.5 * IDLE_MS);
      else await until('it is ended', () => isEnded);
      watch.cancel();
      await proxy.stop();
    });
  }
});

describe('a plain worker that is silent for longer than a proxy waits', () => {
  cleanUpProcesses();
  afterEach(closeScene);

  for (const kind of PROXY_KINDS) {
    it(`(${kind.title}) keeps its stream and its task`, async function () {
      if (!isInstalled(kind)) skipLoudly(this, `${kind.program} is not installed`);
      const scene = await startScene({ pingIntervalMs: 400, resumeWindowMs: 50 });
      const proxy = await startRealProxy(kind, scene.address, IDLE_SECONDS);
      const clients = connect(proxy);
      const worker = await openWorker(clients, { isFull: false });
      let isEnded = false;
      void worker.ended.then(() => {
        isEnded = true;
      });
      await never('an end of an idle one', () => isEnded, 1.5 * IDLE_MS);
      await enqueue(clients, { maxAttempts: 1 });
      await worker.receive(1);
      await never('an end of one that works', () => isEnded, 2.5 * IDLE_MS);
      assert.deepEqual(await tell(clients, worker.clientId, { succeeded: [nameOf(worker.tasks[0]!)] }), ['STORED']);
      await proxy.stop();
    });
  }
});
