import assert from 'node:assert/strict';
import { clearsInMs, describePace } from '../../cli/pace.ts';

describe('describePace()', () => {
  const ROWS = [
    [0, 5, 5, '', 0],
    [600, 0, 60, 'in about 10m, if all goes on like this', 600_000],
    [600, 60, 120, 'in about 10m, if all goes on like this', 600_000],
    [1, 0, 6_000, 'in about 1s, if all goes on like this', 10],
    [600, 120, 60, 'not: it grew by 60 in the last 1m', null],
    [600, 60, 60, 'not: as much comes as is settled', null],
    [600, 0, 0, 'not: nothing was settled', null],
    [10 ** 9, 0, 1, 'in more than a year, if all goes on like this', null],
  ] as const;
  for (const [backlog, enqueued, settled, words, ms] of ROWS) {
    it(`${backlog} wait, ${enqueued} came and ${settled} went: ${words || 'nothing to clear'}`, () => {
      const pace = { spanMs: 60_000, enqueued, settled };
      assert.equal(clearsInMs(backlog, pace), ms);
      assert.deepEqual(describePace(backlog, pace), [
        `${enqueued} enqueued and ${settled} settled in the last 1m`,
        words,
      ]);
    });
  }
});
