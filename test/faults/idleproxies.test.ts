import assert from 'node:assert/strict';
import { describe } from 'mocha';
import { cleanUpProcesses } from '../e2e/process.ts';
import { openWorker } from '../transport/raw-worker.ts';
import { closeScene, connect, enqueue, never, startScene, until } from '../transport/scene.ts';
import { isInstalled, PROXY_KINDS, startRealProxy } from './realproxies.ts';
import { skipLoudly } from './skip.ts';

const IDLE_SECONDS = 2;
const IDLE_MS = 1_000 * IDLE_SECONDS;
const KEEPALIVE = { 'grpc.keepalive_time_ms': 500, 'grpc.keepalive_permit_without_calls': 1 };

interface Case {
  readonly words: string;
  readonly isKept: boolean;
  readonly pingIntervalMs: number;
  readonly options: object;
}

/** By the titles of the proxies; docs/proxies.md says the same. */
const CASES: Readonly<Record<string, Case>> = {
  nginx: { words: 'by the keepalive of the server', isKept: true, pingIntervalMs: 400, options: {} },
  'haproxy with TCP': { words: 'by their own keepalive', isKept: true, pingIntervalMs: 60_000, options: KEEPALIVE },
  'haproxy with HTTP/2': { words: 'by nothing', isKept: false, pingIntervalMs: 400, options: KEEPALIVE },
};

describe('streams that say nothing for longer than a proxy waits', () => {
  cleanUpProcesses();
  afterEach(closeScene);

  for (const kind of PROXY_KINDS) {
    const { words, isKept, pingIntervalMs, options } = CASES[kind.title]!;
    it(`(${kind.title}) of plain workers and health watchers are kept ${words}`, async function () {
      if (!isInstalled(kind)) skipLoudly(this, `${kind.program} is not installed`);
      const scene = await startScene({ pingIntervalMs });
      const proxy = await startRealProxy(kind, scene.address, IDLE_SECONDS);
      const clients = connect(proxy, options);
      const worker = await openWorker(clients, { isFull: false });
      const watch = clients.health.watch({ service: '' });
      let ended = 0;
      void worker.ended.then(() => ended++);
      watch.on('data', () => undefined);
      watch.on('error', () => undefined);
      watch.on('status', () => ended++);
      if (isKept) {
        await never('an end', () => ended > 0, 2.5 * IDLE_MS);
        await enqueue(clients, {});
        assert.equal((await worker.receive(1)).length, 1);
        watch.cancel();
      } else {
        await until('both are ended', () => ended === 2);
        // It has lost nothing but its stream: it registers again.
        await enqueue(clients, {});
        assert.equal((await (await openWorker(clients, { isFull: false })).receive(1)).length, 1);
      }
      await proxy.stop();
    });
  }
});
