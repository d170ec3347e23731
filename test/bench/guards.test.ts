import assert from 'node:assert/strict';
import { GUARDS, judge, measureRatios, type Ratios } from '../../bench/check/guards.ts';
import type { RunRecord } from '../../bench/run.ts';

describe('regression guard', () => {
  const guard = GUARDS[0]!;

  function createRecord(scenario: string, system: string, round: number, serverCpu: number | undefined): RunRecord {
    const figures = serverCpu === undefined ? {} : { serverCpu };
    return { scenario, system, round, concurrency: 1, figures, checks: {} };
  }

  it('compares the two systems over the rounds that both have', () => {
    const records = [
      createRecord('combined', 'contact', 1, 6),
      createRecord('combined', 'raw-sqlite', 1, 2),
      // A slow moment of the machine, for both.
      createRecord('combined', 'raw-sqlite', 2, 20),
      createRecord('combined', 'contact', 2, 60),
      createRecord('combined', 'contact', 3, 600),
      createRecord('combined', 'raw-sqlite', 3, undefined),
      createRecord('combined', 'rabbitmq-quorum', 1, 1),
    ];
    assert.equal(measureRatios(records)['server CPU, combined'], 3);
  });

  it('takes the geometric mean over scenarios', () => {
    const ratioByScenario = { combined: 8, 'enqueue-batch': 1, 'enqueue-one': 1 };
    const records = Object.entries(ratioByScenario).flatMap(([scenario, ratio]) => [
      createRecord(scenario, 'contact', 1, ratio),
      createRecord(scenario, 'raw-sqlite', 1, 1),
    ]);
    assert.ok(Math.abs(measureRatios(records)['server CPU']! - 2) < 1e-9);
  });

  const baseline: Ratios = Object.fromEntries(GUARDS.map((known) => [known.name, 2]));

  it('takes what is better, equal or worse by no more than the tolerance', () => {
    for (const factor of [0.5, 1, 1 + guard.tolerance - 0.001]) {
      const ratios = GUARDS.map((known): [string, number] => [
        known.name,
        known.better === 'lower' ? 2 * factor : 2 / factor,
      ]);
      const lenient = judge(baseline, Object.fromEntries(ratios)).find((verdict) => verdict.guard === guard)!;
      assert.ok(lenient.isOk, String(factor));
    }
    assert.ok(judge(baseline, baseline).every(({ isOk, worse }) => isOk && worse === 0));
  });

  for (const known of GUARDS) {
    it(`fails when ${known.name} is worse by more than its tolerance, and says by how much`, () => {
      const worse = 1 + known.tolerance + 0.01;
      const ratio = known.better === 'lower' ? 2 * worse : 2 / worse;
      const failed = judge(baseline, { ...baseline, [known.name]: ratio }).filter(({ isOk }) => !isOk);
      assert.deepEqual(
        failed.map((verdict) => verdict.guard),
        [known],
      );
      assert.ok(Math.abs(failed[0]!.worse - known.tolerance - 0.01) < 1e-9);
    });
  }

  it('fails without a baseline and without a measurement', () => {
    assert.ok(judge({}, baseline).every(({ isOk }) => !isOk));
    assert.ok(judge(baseline, measureRatios([])).every(({ isOk }) => !isOk));
  });
});
