import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, it } from 'mocha';
import { rateQueues, type Snapshot } from '../../cli/top/snapshot.ts';
import { type Line, renderTop } from '../../cli/top/view.ts';
import { ClientInfoSchema, GetServerInfoResponseSchema, QueueSchema } from '../../gen/contact/v1/admin_service_pb.ts';

const NOW = 1_700_000_000_000;
const EVERYTHING = { columns: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY };
const FOOTER: Line = { text: 'q: quit', style: 'dim' };

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

function render(parts: Parts, size = EVERYTHING, footer: Line | null = null): string[] {
  const frame = { snapshot: createSnapshot(parts), rates: null, server: 'host:1', footer };
  return renderTop(frame, size).map(({ text }) => text);
}

describe('renderTop()', () => {
  it('shows every name and text of others without what a terminal would obey or hide', () => {
    const hostile = '\u001b]0;t\u0007\u009b2J\u007f\u202e\u200b\u{e0041}\r\n';
    const frame = {
      snapshot: createSnapshot({
        queues: [{ name: hostile, ready: 1, unroutable: 1 }],
        clients: [{ id: hostile, connected: true, queues: [hostile], labels: { [hostile]: hostile }, status: hostile }],
      }),
      rates: null,
      server: hostile,
      footer: { text: hostile, style: 'red' } as Line,
    };
    Object.assign(frame.snapshot.info, { version: hostile, node: hostile, store: hostile });
    for (const { text } of renderTop(frame, { columns: 200, rows: 60 }))
      assert.doesNotMatch(text, /[\p{Cc}\p{Cf}]/u, text);
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
    const warnings = warningsOf(render({ queues }, { columns: 100, rows: 40 }, FOOTER));
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
      const lines = render({ queues, clients }, { columns, rows }, FOOTER);
      assert.equal(lines.length, rows);
      assert.ok(lines.every(({ length }) => length <= columns));
      assert.equal(lines.at(-1), columns < 7 ? '…' : 'q: quit');
    }
    const [heading] = render({ queues, clients }, { columns: 80, rows: 24 }, FOOTER).filter((line) =>
      line.startsWith('queue'),
    );
    assert.match(heading ?? '', /^queue \(6 of 30\) /);
  });

  it('shows control characters of texts from clients, and never sends them', () => {
    const status = '\u001b[2J\u009b31m\r\nfake';
    const lines = render({ clients: [{ id: 'a', connected: true, status, labels: { k: '\u0007' } }] });
    const line = lines.find((one) => one.startsWith('a ')) ?? '';
    assert.match(line, /k=\\x07 +\\x1b\[2J\\x9b31m\\r\\nfake$/);
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
