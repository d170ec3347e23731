import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, it } from 'mocha';
import { type Browse, createBrowse } from '../../cli/top/browse.ts';
import type { Line, Size } from '../../cli/top/line.ts';
import { arrange } from '../../cli/top/rows.ts';
import { rateQueues, type Snapshot } from '../../cli/top/snapshot.ts';
import { renderTop } from '../../cli/top/view.ts';
import { widthOf } from '../../cli/width.ts';
import { ClientInfoSchema, GetServerInfoResponseSchema, QueueSchema } from '../../gen/contact/v1/admin_service_pb.ts';

const NOW = 1_700_000_000_000;
const EVERYTHING = { columns: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY };
const SCREEN = { columns: 100, rows: 40 };
const HINT = 'q quit  ? help  arrows  Tab table  s sort  r reverse  / filter  Enter  Esc back';

interface Parts {
  readonly queues?: Parameters<typeof create<typeof QueueSchema>>[1][];
  readonly clients?: Parameters<typeof create<typeof ClientInfoSchema>>[1][];
  readonly monotonicAt?: number;
}

function createSnapshot({ queues = [], clients = [], monotonicAt = 0 }: Parts): Snapshot {
  return {
    info: create(GetServerInfoResponseSchema, {
      version: '1.2.3',
      node: 'alpha',
      store: 'sqlite',
      startedAt: timestampFromMs(NOW - 3_600_000),
    }),
    queues: queues.map((queue) => create(QueueSchema, queue)),
    clients: clients.map((client) => create(ClientInfoSchema, client)),
    isCut: false,
    at: NOW,
    monotonicAt,
  };
}

/** What is printed once, or with `size` a screen. */
function draw(
  snapshot: Snapshot,
  { browse = createBrowse(), size = undefined as Size | undefined, server = 'host:1' } = {},
): Line[] {
  const rows = arrange(snapshot, browse, { now: snapshot.at, rates: null });
  const frame = { snapshot, rates: null, server, browse, rows, trouble: null, isPrinted: size === undefined };
  return renderTop(frame, size ?? EVERYTHING);
}

function render(parts: Parts, size?: Size, browse?: Browse): string[] {
  return draw(createSnapshot(parts), { ...(browse && { browse }), size }).map(({ text }) => text);
}

describe('renderTop()', () => {
  it('shows every name and text of others without what a terminal would obey or hide', () => {
    const hostile = '\u001b]0;t\u0007\u009b2J\u007f\u202e\u200b\u{e0041}\r\n';
    const snapshot = createSnapshot({
      queues: [{ name: hostile, ready: 1, unroutable: 1 }],
      clients: [{ id: hostile, connected: true, queues: [hostile], labels: { [hostile]: hostile }, status: hostile }],
    });
    Object.assign(snapshot.info, { version: hostile, node: hostile, store: hostile });
    const browse = { ...createBrowse(undefined, hostile), only: { kind: 'queue', name: hostile } } as const;
    for (const isTyping of [true, false]) {
      const lines = draw(snapshot, {
        browse: { ...browse, isTyping },
        size: { columns: 200, rows: 60 },
        server: hostile,
      });
      assert.ok(lines.length === 60);
      for (const { text } of lines) assert.doesNotMatch(text, /[\p{Cc}\p{Cf}]/u, text);
    }
  });

  it('tells about a server without tasks and clients', () => {
    assert.deepEqual(render({}).slice(0, 3), [
      'contact 1.2.3  host:1  alpha  sqlite  up 1h  2023-11-14T22:13:20Z',
      'tasks:   none',
      'clients: none',
    ]);
  });

  it('puts the busiest first, and those who are away last', () => {
    const lines = render({
      queues: [{ name: 'a', ready: 1 }, { name: 'b' }, { name: 'c', ready: 1_000, running: 2_000 }],
      clients: [
        { id: 'gone' },
        { id: 'idle', connected: true },
        { id: 'busy', connected: true, running: 2, draining: true },
      ],
    });
    const names = lines.map((line) => line.split(' ')[0]).filter((name) => /^[a-z]+$/.test(name ?? ''));
    assert.deepEqual(names, ['contact', 'queue', 'c', 'a', 'b', 'client', 'busy', 'idle', 'gone']);
    assert.equal(lines[1], 'tasks:   1,001 waiting, 2,000 running');
    assert.equal(lines[2], 'clients: 2 connected, 1 away, 1 draining');
  });

  it('warns of tasks that nobody can take, on a screen of the worst three', () => {
    const queues = ['a', 'b', 'c', 'd', 'e'].map((name, place) => ({ name, ready: 9, unroutable: place, workers: 1 }));
    const warningsOf = (lines: string[]): string[] => lines.filter((line) => line.startsWith('!'));
    const warnings = warningsOf(render({ queues }, SCREEN));
    assert.deepEqual(warnings, [
      '! e: 4 tasks waiting for clients that are not connected',
      '! d: 3 tasks waiting for clients that are not connected',
      '! c: 2 tasks waiting for clients that are not connected',
      '! and 1 more',
    ]);
    // What is printed once has no edge.
    assert.equal(warningsOf(render({ queues })).at(-1), '! b: 1 task waiting for clients that are not connected');
  });

  it('fills the screen exactly, whatever its size, with the footer at the bottom', () => {
    const queues = Array.from({ length: 30 }, (_, place) => ({ name: `q${place}`, unroutable: place }));
    const clients = Array.from({ length: 30 }, (_, place) => ({ id: `c${place}`, status: 'x'.repeat(300) }));
    for (const [columns, rows] of [
      [80, 24],
      [200, 100],
      [7, 3],
      [1, 1],
    ] as const) {
      const lines = render({ queues, clients }, { columns, rows });
      assert.equal(lines.length, rows);
      assert.ok(lines.every((line) => widthOf(line) <= columns));
      assert.equal(lines.at(-1), columns === 1 ? '…' : columns < 80 ? `${HINT.slice(0, columns - 1)}…` : HINT);
    }
    const [heading] = render({ queues, clients }, { columns: 80, rows: 24 }).filter((line) => line.startsWith('queue'));
    assert.match(heading ?? '', /^queue \(1-6 of 30\) /);
  });

  it('shows control characters of texts from clients, and never sends them', () => {
    const status = '\u001b[2J\u009b31m\r\nfake';
    const lines = render({ clients: [{ id: 'a', connected: true, status, labels: { k: '\u0007' } }] });
    const line = lines.find((one) => one.startsWith('a ')) ?? '';
    assert.match(line, /k=\\x07 +\\x1b\[2J\\x9b31m\\r\\nfake$/);
  });

  it('has on a narrow screen what is of most use, and texts cut where others need the room', () => {
    const oldest = [{ oldestCreatedAt: timestampFromMs(NOW - 65_000) }];
    const queues = [{ name: 'x'.repeat(60), ready: 1, workers: 1, paused: true, oldest }];
    const clients = [
      { id: 'robot-1', connected: true, maxInFlight: 4, queues: ['mails'.repeat(9)], status: '倉庫を調べています 🤖' },
    ];
    const lines = render({ queues, clients }, { columns: 80, rows: 24 });
    const row = (start: string): string => lines.find((line) => line.startsWith(start)) ?? '';
    assert.equal(row('queue '), 'queue                          waiting  running  failed  workers  oldest');
    assert.equal(row('xxx'), `${'x'.repeat(28)}…        1        0       0        1  1m 5s   paused`);
    assert.equal(row('client '), 'client   running  credit  state      queues                           status');
    assert.equal(row('robot-1'), 'robot-1        0       4  connected  mailsmailsmailsmailsmailsmails…  倉庫を調…');
    assert.equal(widthOf(row('xxx')), 80);
  });

  it('shows the part of a table that somebody has gone to, and says which it is', () => {
    const queues = Array.from({ length: 30 }, (_, place) => ({ name: `q${String(place).padStart(2, '0')}` }));
    const look = { ...createBrowse().looks.queue, at: 'q20' };
    const browse = { ...createBrowse(), looks: { queue: look, client: { ...look, at: null } } };
    const lines = render({ queues }, { columns: 80, rows: 18 }, browse);
    assert.match(lines[4]!, /^queue \(12-21 of 30\) /);
    assert.deepEqual(
      lines.slice(5, 15).map((line) => line.slice(0, 5).trim()),
      [...Array.from({ length: 9 }, (_, n) => `q${n + 11}`), '> q20'],
    );
    const found = render({ queues }, SCREEN, createBrowse(undefined, 'Q1'));
    assert.match(found[4]!, /^queue \(10 of 30, \/Q1\) /);
  });

  it('explains its keys on a screen of 80 by 24', () => {
    const lines = render({}, { columns: 80, rows: 24 }, { ...createBrowse(), isHelp: true });
    assert.ok(lines.some((line) => line.startsWith('PgUp, PgDn')));
    assert.ok(lines.every((line) => !line.includes('…')));
  });

  it('tells the age of what waits longest', () => {
    const oldest = [5_000, 65_000].map((ms, priority) => ({ priority, oldestCreatedAt: timestampFromMs(NOW - ms) }));
    const lines = render({ queues: [{ name: 'a', ready: 2, oldest }] });
    assert.match(lines[1] ?? '', /oldest 1m 5s/);
  });
});

describe('rateQueues()', () => {
  it('counts what settled a second, in any state', () => {
    const before = createSnapshot({ queues: [{ name: 'a', succeeded: 10, failed: 1 }], monotonicAt: 1_000 });
    const now = createSnapshot({
      queues: [{ name: 'a', succeeded: 12, failed: 2, cancelled: 3, expired: 4 }],
      monotonicAt: 3_000,
    });
    assert.equal(rateQueues(before, now).get('a'), 5);
  });

  it('takes what was deleted for nothing', () => {
    const before = createSnapshot({ queues: [{ name: 'a', succeeded: 10 }], monotonicAt: 0 });
    const now = createSnapshot({ queues: [{ name: 'a' }], monotonicAt: 1_000 });
    assert.equal(rateQueues(before, now).get('a'), 0);
    assert.equal(rateQueues(now, now).get('a'), 0);
  });
});
