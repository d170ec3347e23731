import assert from 'node:assert/strict';
import { nextStep, patienceMs } from '../../server/session/liveness.ts';

const PATIENCE = { pingIntervalMs: 5_000, slowLineBytesPerSecond: 8_192 };

describe('nextStep()', () => {
  it('waits, pings after one interval and gives up after three', () => {
    assert.deepEqual(nextStep(0, false, PATIENCE, 0), { kind: 'wait', ms: 5_000 });
    assert.deepEqual(nextStep(2_000, false, PATIENCE, 0), { kind: 'wait', ms: 3_000 });
    assert.deepEqual(nextStep(5_000, false, PATIENCE, 0), { kind: 'ping', ms: 10_000 });
    assert.deepEqual(nextStep(14_000, true, PATIENCE, 0), { kind: 'wait', ms: 1_000 });
    assert.deepEqual(nextStep(15_000, true, PATIENCE, 0), { kind: 'dead' });
  });

  it('gives up on nobody who was not asked', () => {
    assert.deepEqual(nextStep(60_000, false, PATIENCE, 0), { kind: 'ping', ms: 10_000 });
  });

  it('gives a slow line the time that its bytes take at 8 KiB/s', () => {
    assert.equal(patienceMs(PATIENCE, 1 << 20), 15_000 + 128_000);
    assert.equal(nextStep(100_000, true, PATIENCE, 1 << 20).kind, 'wait');
  });
});
