import assert from 'node:assert/strict';
import { createEnds, type Ends, MAX_GONE } from '../../server/session/ends.ts';
import { createHeld, oldestOf, runTimeOf } from '../../server/session/ledger.ts';

const QUARTER_MS = 15 * 60_000;

describe('createEnds()', () => {
  let now: number;
  let ends: Ends;

  beforeEach(() => {
    now = 0;
    ends = createEnds(() => now);
    ends.arrived('a');
  });

  /** Whether a told time is within a tenth of this one. */
  function assertNear(told: number | null | undefined, ms: number): void {
    assert.ok(told && told > 0.9 * ms && told < 1.1 * ms, `${told} for ${ms}`);
  }

  it('tells the time that half of the runs, and 99 of 100, stayed within', () => {
    for (let n = 0; n < 98; n += 1) ends.note('a', false, 20);
    for (let n = 0; n < 2; n += 1) ends.note('a', false, 30_000);
    const { p50Ms, p99Ms } = ends.of('a')!;
    assertNear(p50Ms, 20);
    assertNear(p99Ms, 30_000);
    for (let n = 0; n < 200; n += 1) ends.note('a', false, 20);
    assertNear(ends.of('a')?.p99Ms, 20);
  });

  it('tells any time to within a tenth, and nothing where no time is known', () => {
    for (let ms = 1; ms < 86_400_000; ms *= 1.37) {
      ends = createEnds(() => now);
      ends.note('b', false, ms);
      assertNear(ends.of('b')?.p50Ms, ms);
    }
    ends.note('c', false, 0);
    assert.equal(ends.of('c')!.p50Ms! < 1, true);
    ends.note('d', true, null);
    assert.deepEqual(ends.of('d'), { ended: 1, failed: 1, p50Ms: null, p99Ms: null });
    assert.equal(ends.of('stranger'), null);
  });

  it('counts failures among the ends', () => {
    for (const isFailure of [true, false, true, false]) ends.note('a', isFailure, 5);
    const { ended, failed } = ends.of('a')!;
    assert.deepEqual([ended, failed], [4, 2]);
  });

  it('forgets what ended an hour ago, and nothing of the last three quarters', () => {
    ends.note('a', true, 5);
    now = 3 * QUARTER_MS;
    ends.note('a', false, 5);
    assert.equal(ends.of('a')?.ended, 2);
    now = 4 * QUARTER_MS;
    assert.deepEqual([ends.of('a')?.ended, ends.of('a')?.failed], [1, 0]);
    ends.note('a', false, 5);
    now = 8 * QUARTER_MS;
    assert.equal(ends.of('a'), null);
  });

  it('remembers a client that comes back, and 10,000 that have gone, those that went last', () => {
    ends.note('a', false, 5);
    ends.left('a');
    ends.note('a', false, 5);
    assert.equal(ends.of('a')?.ended, 2);
    ends.arrived('a');
    for (let n = 0; n <= MAX_GONE; n += 1) ends.note(`gone-${n}`, false, 5);
    assert.equal(ends.of('a')?.ended, 2);
    assert.equal(ends.of('gone-0'), null);
    assert.equal(ends.of('gone-1')?.ended, 1);
    assert.equal(ends.of(`gone-${MAX_GONE}`)?.ended, 1);
  });
});

describe('runTimeOf()', () => {
  const created = (since: number, startedAt: number | null) =>
    Object.assign(createHeld({ taskId: 't', delivery: 1 }, 0, false, false), { since, startedAt });

  it('counts from the start that was told', () => {
    assert.equal(runTimeOf(created(100, 5_000), 900, 1_000), 900);
  });

  it('counts from the push, or the message before, where the start came with the end', () => {
    assert.equal(runTimeOf(created(100, null), 0, 1_000), 900);
    assert.equal(runTimeOf(created(100, null), 900, 1_000), 100);
  });

  it('knows nothing of what an earlier process pushed', () => {
    assert.equal(runTimeOf(created(100, 0), 0, 1_000), null);
    assert.equal(runTimeOf(created(Number.NaN, null), 0, 1_000), null);
  });
});

describe('oldestOf()', () => {
  it('is the one that has run longest, of those that have begun and are still to end', () => {
    const all = [300, 100, 200].map((since) =>
      Object.assign(createHeld({ taskId: `since ${since}`, delivery: 1 }, 0, false, true), { since }),
    );
    assert.equal(oldestOf(all)?.taskId, 'since 100');
    all[1]!.isStarted = false;
    assert.equal(oldestOf(all)?.taskId, 'since 200');
    all[2]!.isClosed = true;
    all[0]!.isSettling = true;
    assert.equal(oldestOf(all), undefined);
  });
});
