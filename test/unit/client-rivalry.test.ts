import assert from 'node:assert/strict';
import { createRivalry } from '../../client/rivalry.ts';

const end = (reason: string) => ({ error: null, advice: { reason, retry: 'backoff' as const } });

describe('createRivalry()', () => {
  it('stays away longer each time its name is taken, at most a minute', () => {
    const rivalry = createRivalry(() => 1);
    const pauses = Array.from({ length: 8 }, () => rivalry.pauseMs(end('REPLACED'), 10));
    assert.deepEqual(pauses, [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it('begins anew after a session that lasted, and has no say in other ends', () => {
    const rivalry = createRivalry(() => 0);
    for (let n = 0; n < 5; n += 1) rivalry.pauseMs(end('REPLACED'), 10);
    assert.equal(rivalry.pauseMs(end('OPERATOR'), 10), 0);
    assert.equal(rivalry.pauseMs(end('REPLACED'), 10), 30_000);
    assert.equal(rivalry.pauseMs(end('REPLACED'), 300_000), 1_000);
  });
});
