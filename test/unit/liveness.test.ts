import assert from 'node:assert/strict';
import { nextStep, patienceMs } from '../../server/session/liveness.ts';

const PATIENCE = { pingIntervalMs: 5_000, slowLineBytesPerSecond: 8_192 };

describe('nextStep()', () => {
  it('waits, pings after one interval and gives up after three', () => {
    assert.deepEqual(nextStep(0, false, PATIENCE, 0), { kind: 'wait', ms: 5_000 });
    assert.deepEqual(nextStep(2_000, false, PATIENCE, 0), { kind: 'wait', ms: 3_000 });
    assert.deepEqual(nextStep(5_000, false, PATIENCE, 0), { kind: 'ping', ms: 5_000 });
    assert.deepEqual(nextStep(14_000, true, PATIENCE, 0), { kind: 'wait', ms: 1_000 });
    assert.deepEqual(nextStep(15_000, true, PATIENCE, 0), { kind: 'dead' });
  });

  it('pings every interval, and finds out within three that nobody is there', () => {
    // Answered at once: the next look finds a silence that is a moment shorter than the interval.
    assert.equal(nextStep(4_990, false, PATIENCE, 0).kind, 'ping');
    const [pingedAt, answerMs] = [5_000, 10];
    const second = nextStep(5_000 - answerMs, false, PATIENCE, 0);
    assert.deepEqual(second, { kind: 'ping', ms: 5_000 });
    const third = nextStep(pingedAt + 5_000 - answerMs, true, PATIENCE, 0);
    assert.deepEqual(third, { kind: 'wait', ms: 5_000 + answerMs });
  });

  it('gives up on nobody who was not asked', () => {
    assert.deepEqual(nextStep(60_000, false, PATIENCE, 0), { kind: 'ping', ms: 5_000 });
  });

  it('gives a slow line the time that its bytes take at 8 KiB/s', () => {
    assert.equal(patienceMs(PATIENCE, 1 << 20), 15_000 + 128_000);
    assert.equal(nextStep(100_000, true, PATIENCE, 1 << 20).kind, 'wait');
  });
});
