import assert from 'node:assert/strict';
import { GUARDS, judge, nameOf, type Ratios, ratiosOf, summarize } from '../../bench/check/guards.ts';
import type { RunRecord } from '../../bench/run.ts';

describe('regression guard', () => {
  const guard = GUARDS[0]!;

  function createRecord(system: string, round: number, value: number | undefined): RunRecord {
    const figures = value === undefined ? {} : { [guard.figure]: value };
    return { scenario: guard.scenario, system, round, concurrency: 1, figures, checks: {} };
  }

  it('compares the two systems round by round, and leaves out rounds that have only one', () => {
    const records = [
      createRecord('contact', 1, 6),
      createRecord('raw-sqlite', 1, 2),
      // A slow moment of the machine, for both.
      createRecord('raw-sqlite', 2, 20),
      createRecord('contact', 2, 60),
      createRecord('contact', 3, 6),
      createRecord('raw-sqlite', 3, undefined),
      createRecord('rabbitmq-quorum', 1, 1),
    ];
    assert.deepEqual(ratiosOf(records, guard), [3, 3]);
    assert.equal(summarize(records)[nameOf(guard)], 3);
  });

  const baseline: Ratios = Object.fromEntries(GUARDS.map((known) => [nameOf(known), 2]));

  it('takes what is better, equal or worse by no more than the tolerance', () => {
    for (const factor of [0.5, 1, 1 + guard.tolerance - 0.001]) {
      const ratios = GUARDS.map((known): [string, number] => [
        nameOf(known),
        known.better === 'lower' ? 2 * factor : 2 / factor,
      ]);
      const lenient = judge(baseline, Object.fromEntries(ratios)).find((verdict) => verdict.guard === guard)!;
      assert.ok(lenient.isOk, String(factor));
    }
    assert.ok(judge(baseline, baseline).every(({ isOk, worse }) => isOk && worse === 0));
  });

  for (const known of GUARDS) {
    it(`fails when ${nameOf(known)} is worse by more than its tolerance, and says by how much`, () => {
      const worse = 1 + known.tolerance + 0.01;
      const ratio = known.better === 'lower' ? 2 * worse : 2 / worse;
      const failed = judge(baseline, { ...baseline, [nameOf(known)]: ratio }).filter(({ isOk }) => !isOk);
      assert.deepEqual(
        failed.map((verdict) => verdict.guard),
        [known],
      );
      assert.ok(Math.abs(failed[0]!.worse - known.tolerance - 0.01) < 1e-9);
    });
  }

  it('fails without a baseline and without a measurement', () => {
    assert.ok(judge({}, baseline).every(({ isOk }) => !isOk));
    assert.ok(judge(baseline, summarize([])).every(({ isOk }) => !isOk));
  });
});
