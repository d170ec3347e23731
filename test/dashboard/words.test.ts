import assert from 'node:assert/strict';
import { findMatters } from '../../dashboard/attention.ts';
import { listConditions, readFilter, readSpan } from '../../dashboard/conditions.ts';
import { formatAgo, formatBytes, formatDuration, formatShare } from '../../dashboard/format.ts';
import { linkTo } from '../../dashboard/link.ts';
import type { Queue, Server } from '../../dashboard/shapes.ts';

const NOW = Date.parse('2027-01-31T08:00:00.000Z');

describe('what the dashboard writes', () => {
  it('is a duration to two units', () => {
    const told = [0.4, 840, 2_410, 59_999, 200_000, 3_600_000, 100_000_000].map(formatDuration);
    assert.deepEqual(told, ['0 ms', '840 ms', '2.4 s', '59 s', '3 min 20 s', '1 h', '1 d 3 h']);
  });

  it('is an instant as it stands to now', () => {
    assert.equal(formatAgo('2027-01-31T07:57:00.000Z', NOW), '3 min ago');
    assert.equal(formatAgo('2027-01-31T10:00:00.000Z', NOW), 'in 2 h');
    assert.equal(formatAgo('2027-01-31T07:59:59.500Z', NOW), 'now');
  });

  it('is a size, and a share', () => {
    assert.deepEqual([0, 512, 3_565_158].map(formatBytes), ['0 B', '512 B', '3.4 MiB']);
    assert.deepEqual([formatShare(1, 40), formatShare(1, 3), formatShare(0, 0)], ['2.5 %', '33 %', '0 %']);
  });
});

describe('linkTo()', () => {
  it('is an address that any name survives', () => {
    const link = linkTo(['queues', 'a/b?c#d'], { state: ['ready', 'failed'], queue: '', page: undefined });
    assert.equal(link, '#/queues/a%2Fb%3Fc%23d?state=ready&state=failed');
  });
});

describe('readFilter()', () => {
  it('has all conditions of an address, and times ago as instants', () => {
    const params = new URLSearchParams(
      'queue=a&queue=b&state=failed&metadata=k%3Dv&settledAfter=15m&runningForMs=5000',
    );
    assert.deepEqual(readFilter(params, NOW), {
      queues: ['a', 'b'],
      states: ['failed'],
      metadata: ['k=v'],
      settledAfter: '2027-01-31T07:45:00.000Z',
      runningForMs: 5_000,
    });
    assert.deepEqual(readFilter(new URLSearchParams('page=x&queue='), NOW), {});
  });

  it('reads spans, and nothing that is none', () => {
    assert.deepEqual(['30s', '5m', '1.5 h', '2d'].map(readSpan), [30_000, 300_000, 5_400_000, 172_800_000]);
    assert.deepEqual(['', '5', 'm', '5 weeks', '-1s'].map(readSpan), [
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('lists conditions with what is left without each', () => {
    const listed = listConditions(new URLSearchParams('state=failed&queue=a&error=GONE'));
    assert.deepEqual(listed, [
      { text: 'queue a', rest: 'state=failed&error=GONE' },
      { text: 'error GONE', rest: 'state=failed&queue=a' },
    ]);
  });
});

describe('findMatters()', () => {
  const quiet: Queue = {
    ...{ queue: 'q', paused: false, ready: 0, scheduled: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 },
    ...{ expired: 0, unroutable: 0, workers: 0, oldest: [], ownRetention: false },
  };
  const well: Server = {
    ...{ version: '1', revision: 1, sessions: 0, limitsUsed: [], limitsReached: {}, observerLag: 0 },
    ...{ authenticated: false, fileProblems: [] },
  };

  it('finds nothing where all is well', () => {
    assert.deepEqual(findMatters(well, [quiet, { ...quiet, ready: 5, running: 3 }], NOW), []);
  });

  it('puts what is grave first, and leads to what is to be done', () => {
    const queues = [
      { ...quiet, queue: 'a', paused: true, ready: 2, unroutable: 2 },
      { ...quiet, queue: 'b', unroutable: 4 },
      { ...quiet, queue: 'c', failed: 3, succeeded: 1 },
    ];
    const matters = findMatters({ ...well, trouble: 'the disk is full' }, queues, NOW);
    assert.deepEqual(
      matters.map(({ key, isGrave }) => [key, isGrave]),
      [
        ['trouble', true],
        ['failed c', true],
        ['unroutable b', false],
        ['paused a', false],
      ],
    );
    assert.equal(matters[1]?.link?.href, '#/tasks?queue=c&state=failed');
    assert.match(matters[1]?.detail ?? '', /^75 %/);
  });

  it('tells of bounds that are nearly reached, of the disk and of the certificate', () => {
    const server: Server = {
      ...well,
      limitsUsed: [
        { limit: 'connections', used: 79, max: 100 },
        { limit: 'calls', used: 100, max: 100 },
      ],
      space: { databaseBytes: 1, logBytes: 0, freeBytes: 150, minFreeBytes: 100 },
      certificateExpiresAt: '2027-02-01T08:00:00.000Z',
      fileProblems: [{ problem: 'ca.pem has ended', advice: 'renew it', harmless: false }],
    };
    const texts = findMatters(server, [], NOW).map(({ text }) => text);
    assert.deepEqual(texts, [
      'calls: 100 of 100',
      'ca.pem has ended',
      'The disk of the store has 150 B free',
      'The certificate ends in 1 d',
    ]);
  });

  it('has a bounded number of lines, whatever many queues there are', () => {
    const queues = Array.from({ length: 6_000 }, (_, place) => ({ ...quiet, queue: `q${place}`, failed: place + 1 }));
    const matters = findMatters(well, queues, NOW);
    assert.equal(matters.length, 6);
    assert.match(matters[0]!.text, /^q5999: 6,000 tasks failed/);
    assert.match(matters[5]!.text, /^5,995 more queues have failed tasks: 17,973,010/);
  });
});
