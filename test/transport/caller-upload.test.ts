import assert from 'node:assert/strict';
import { createCaller } from '../../client/index.ts';
import type { Frame } from '../../tunnel/frame.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { closeScene, use } from '../scene/end.ts';
import { openServe } from '../scene/rawcallee.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

describe('an upload of a stub that breaks off', () => {
  afterEach(closeScene);

  for (const way of ['throws', 'is aborted', 'is late'] as const) {
    it(`never looks whole to its callee when its source ${way}`, async () => {
      const { address } = await startScene();
      const callee = await openServe(address, 'raw', { methods: ['echo.Echo/Up'] });
      const echo = use(createCaller(connectTo(address))).stub(Echo);
      const isBroken = Promise.withResolvers<void>();
      const ending = new AbortController();
      async function* bodies() {
        yield { body: Buffer.from('half of it') };
        await isBroken.promise;
        if (way === 'throws') throw new Error('broken off');
        await new Promise(() => undefined);
      }
      const options = { signal: ending.signal, ...(way === 'is late' && { deadlineMs: 300 }) };
      const uploads = Array.from({ length: 10 }, () => echo.up(bodies(), options).catch(() => 'failed'));
      const framesWith = (part: keyof Frame) => callee.frames.filter((frame) => frame[part]).length;
      await until('all have begun', () => framesWith('data') === 10);
      if (way === 'is aborted') ending.abort();
      isBroken.resolve();
      assert.deepEqual(new Set(await Promise.all(uploads)), new Set(['failed']));
      await until('the callee knows of all', () => framesWith('cancel') === 10);
      assert.equal(framesWith('halfClose'), 0);
    });
  }
});
