import assert from 'node:assert/strict';
import { nextStep, patienceMs } from '../../server/session/liveness.ts';

describe('nextStep()', () => {
  it('waits, pings after one interval and gives up after three', () => {
    assert.deepEqual(nextStep(0, false, 5_000, 0), { kind: 'wait', ms: 5_000 });
    assert.deepEqual(nextStep(2_000, false, 5_000, 0), { kind: 'wait', ms: 3_000 });
    assert.deepEqual(nextStep(5_000, false, 5_000, 0), { kind: 'ping', ms: 10_000 });
    assert.deepEqual(nextStep(14_000, true, 5_000, 0), { kind: 'wait', ms: 1_000 });
    assert.deepEqual(nextStep(15_000, true, 5_000, 0), { kind: 'dead' });
  });

  it('gives a slow line the time that its bytes take at 8 KiB/s', () => {
    assert.equal(patienceMs(5_000, 1 << 20), 15_000 + 131_072);
    assert.equal(nextStep(100_000, true, 5_000, 1 << 20).kind, 'wait');
  });
});
