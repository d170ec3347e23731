import assert from 'node:assert/strict';
import { createServer } from '../../server/index.ts';
import { systemClock } from '../../shared/clock.ts';

const OPTIONS = { listen: '127.0.0.1:0', store: 'memory:' };

describe('a server in a program', () => {
  it('does not listen after it was closed', async () => {
    const server = await createServer(OPTIONS);
    await server.close();
    await assert.rejects(server.listen(), { code: 'FAILED_PRECONDITION', message: /^listen: the server was closed/ });
  });

  it('says that a clock tells no time', async () => {
    for (const now of [Number.NaN, 1e300, Number.POSITIVE_INFINITY]) {
      const clock = { ...systemClock, now: () => now };
      await assert.rejects(createServer(OPTIONS, { clock }), { code: 'INVALID_ARGUMENT', message: /clock\.now/ });
    }
    const clock = { ...systemClock, monotonic: () => Number.NaN };
    await assert.rejects(createServer(OPTIONS, { clock }), { code: 'INVALID_ARGUMENT', message: /clock\.monotonic/ });
  });
});
