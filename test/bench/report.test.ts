import assert from 'node:assert/strict';
import { renderHtml } from '../../bench/report/html.ts';
import { roundUp } from '../../bench/report/plot.ts';
import { formatFigure, formatNumber, renderTables } from '../../bench/report/table.ts';
import type { RunRecord } from '../../bench/run.ts';
import { combined } from '../../bench/scenarios/combined.ts';
import { findSystem } from '../../bench/systems/index.ts';

describe('benchmark report', () => {
  function createRecord(system: string, round: number, rate: number, error?: string): RunRecord {
    const figures = error === undefined ? { rate, cpu: 1 / rate } : {};
    const name = { scenario: 'combined', system, round, concurrency: 1 };
    return { ...name, figures, checks: {}, ...(error === undefined ? {} : { error }) };
  }

  const records = [
    createRecord('contact', 1, 1_000),
    createRecord('contact', 2, 3_000),
    createRecord('contact', 3, 2_500),
    createRecord('raw-sqlite', 1, 5_000),
    createRecord('raw-sqlite', 2, 0, '<broken> & gone'),
  ];

  it('has numbers with as many digits as count', () => {
    assert.deepEqual([12_345.6, 100, 12.345, 0.012345, Number.NaN].map(formatNumber), [
      '12,346',
      '100',
      '12.3',
      '0.0123',
      '-',
    ]);
    assert.equal(formatFigure([3, 1, 2]), '2.00 [1.00-3.00]');
    assert.equal(formatFigure([]), '-');
  });

  it('tables median and range, the best first, and what failed', () => {
    const lines = renderTables(records, [combined]).split('\n');
    const [raw, contact] = lines.filter((line) => /^\| (raw|contact)/.test(line));
    assert.match(raw!, /^\| raw-sqlite \| 1, FAILED: <broken> & gone \| 5,000 \|/);
    assert.match(contact!, /^\| contact \| 3 \| 2,500 \[1,000-3,000\] \|/);
  });

  it('divides the figures of a round by those of the yardstick in the same round', () => {
    const table = renderTables(records, [{ ...combined, yardstick: 'raw-sqlite' }]);
    assert.match(table, /^contact in × of raw-sqlite, round by round: rate 0.200; CPU per 1,000 5.00\.$/m);
  });

  it('ends axes with round numbers', () => {
    assert.deepEqual([0, 1, 1.2, 2.4, 4, 7, 70_001].map(roundUp), [1, 1, 2, 2.5, 5, 10, 100_000]);
  });

  it('is one page that needs nothing from elsewhere', () => {
    const html = renderHtml({
      records,
      scenarios: [combined],
      systems: [findSystem('contact'), findSystem('raw-sqlite')],
      setting: { node: 'v0' },
      skipped: ['bullmq: no redis-server'],
    });
    assert.equal(html.match(/<circle class="contact"/g)?.length, 6, 'a dot for each round, in each of two plots');
    assert.match(html, /raw-sqlite, round 2: &lt;broken> &amp; gone/);
    assert.match(html, /bullmq: no redis-server/);
    assert.ok(html.indexOf('>raw-sqlite<') < html.indexOf('>contact<'), 'the best first');
    assert.doesNotMatch(html, /<script|src=|href=|url\(|@import|NaN/);
  });
});
