import assert from 'node:assert/strict';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, it } from 'mocha';
import { type Browse, createBrowse, pressKey, scrollTo } from '../../cli/top/browse.ts';
import { SORTS } from '../../cli/top/columns.ts';
import { arrange, namesOf } from '../../cli/top/rows.ts';
import type { Snapshot } from '../../cli/top/snapshot.ts';
import { fitWidth, widthOf } from '../../cli/width.ts';
import { ClientInfoSchema, GetServerInfoResponseSchema, QueueSchema } from '../../gen/contact/v1/admin_service_pb.ts';

const SHOWN = { names: Array.from({ length: 20 }, (_, place) => `n${place}`), height: 5 };

/** Presses these keys one after the other, the table scrolled after each. */
function press(browse: Browse, ...keys: string[]): Browse {
  return keys.reduce((before, key) => {
    const after = pressKey(before, key, SHOWN);
    const look = after.looks[after.focus];
    return { ...after, looks: { ...after.looks, [after.focus]: { ...look, offset: scrollTo(look, SHOWN) } } };
  }, browse);
}

const placeOf = ({ looks: { queue } }: Browse): readonly [string | null, number] => [queue.at, queue.offset];

describe('pressKey()', () => {
  it('marks rows and scrolls no further than it has to', () => {
    let browse = createBrowse();
    for (const [key, at, offset] of [
      ['down', 'n0', 0],
      ['down', 'n1', 0],
      ['pagedown', 'n6', 2],
      ['k', 'n5', 2],
      ['pageup', 'n0', 0],
      ['up', 'n0', 0],
      ['end', 'n19', 15],
      ['j', 'n19', 15],
      ['pageup', 'n14', 14],
      ['home', 'n0', 0],
      ['escape', null, 0],
      ['end', 'n19', 15],
    ] as const) {
      browse = press(browse, key);
      assert.deepEqual(placeOf(browse), [at, offset], key);
    }
  });

  it('stays at its row when the rows are in another order, and at the end of fewer', () => {
    const { queue } = press(createBrowse(), 'end').looks;
    assert.equal(scrollTo(queue, { names: SHOWN.names.toReversed(), height: 5 }), 0);
    assert.equal(scrollTo({ at: 'gone', offset: 15 }, { names: SHOWN.names.slice(0, 8), height: 5 }), 3);
    assert.equal(scrollTo({ at: null, offset: 3 }, { names: [], height: 5 }), 0);
  });

  it('goes through what a table can be sorted by, and back', () => {
    const seen: (string | undefined)[] = [];
    let browse = createBrowse();
    do {
      seen.push(browse.looks.queue.sort);
      browse = press(browse, 's');
    } while (browse.looks.queue.sort !== undefined);
    const sorts = ['name', 'waiting', 'scheduled', 'running', 'failed', 'workers', 'settled', 'oldest'];
    assert.deepEqual(seen, [undefined, ...sorts]);
    assert.equal(press(browse, 'S').looks.queue.sort, 'oldest');
    assert.equal(press(browse, 'r').looks.queue.isReversed, true);
    assert.equal(press(browse, 'tab', 's', 's').looks.client.sort, 'running');
  });

  it('types a filter, in which letters are no keys', () => {
    const typed = press(createBrowse(), '/', 'q', 's', 'x', 'backspace');
    assert.deepEqual([typed.isTyping, typed.looks.queue.filter], [true, 'qs']);
    const kept = press(typed, 'enter');
    assert.deepEqual([kept.isTyping, kept.looks.queue.filter], [false, 'qs']);
    assert.equal(press(kept, 'escape').looks.queue.filter, '');
    assert.deepEqual(press(typed, 'escape').looks.queue.filter, '');
    assert.equal(press(createBrowse(), '/', ...'x'.repeat(200)).looks.queue.filter.length, 128);
  });

  it('narrows all to what is marked, and back one step at a time', () => {
    assert.equal(press(createBrowse(), 'enter').only, null);
    const narrowed = press(createBrowse(), '/', 'n', 'enter', 'down', 'down', 'enter');
    assert.deepEqual(narrowed.only, { kind: 'queue', name: 'n1' });
    const back = press(narrowed, 'escape');
    assert.deepEqual([back.only, back.looks.queue.filter, back.looks.queue.at], [null, 'n', 'n1']);
    assert.deepEqual(placeOf(press(back, 'escape', 'escape')), [null, 0]);
  });

  it('explains itself until the next key', () => {
    const help = press(createBrowse(), '?');
    assert.equal(help.isHelp, true);
    assert.deepEqual(press(help, 's'), createBrowse());
  });
});

const NOW = 1_700_000_000_000;

function createSnapshot(
  queues: readonly MessageInitShape<typeof QueueSchema>[],
  clients: readonly MessageInitShape<typeof ClientInfoSchema>[] = [],
): Snapshot {
  return {
    info: create(GetServerInfoResponseSchema),
    queues: queues.map((queue) => create(QueueSchema, queue)),
    clients: clients.map((client) => create(ClientInfoSchema, client)),
    isCut: false,
    at: NOW,
    monotonicAt: 0,
  };
}

function namesShown(snapshot: Snapshot, browse: Browse, rates: ReadonlyMap<string, number> | null = null): string {
  const rows = arrange(snapshot, browse, { now: NOW, rates });
  return `${namesOf(rows, 'queue').join(' ')} | ${namesOf(rows, 'client').join(' ')}`;
}

describe('arrange()', () => {
  const oldest = (ms: number) => [{ oldestCreatedAt: timestampFromMs(NOW - ms) }];
  const snapshot = createSnapshot(
    [
      { name: 'a', ready: 1, failed: 9, oldest: oldest(5_000) },
      { name: 'b', scheduled: 7, workers: 3 },
      { name: 'c', ready: 1, running: 4, paused: true, oldest: oldest(9_000) },
    ],
    [
      {
        id: 'k',
        connected: true,
        running: 2,
        maxInFlight: 2,
        queues: ['a'],
        runs: { ended: 9n, failed: 1n, p99Ms: 10 },
      },
      { id: 'l', connected: true, running: 1, maxInFlight: 8, queues: ['a', 'c'], status: 'Battery low' },
      { id: 'm', queues: ['b'], labels: { site: 'oslo' } },
    ],
  );

  it('sorts by each column, the largest first, and by names', () => {
    const rates = new Map([['b', 3]]);
    const orders = Object.fromEntries(SORTS.map((sort) => [sort, namesShown(snapshot, createBrowse(sort), rates)]));
    assert.deepEqual(orders, {
      name: 'a b c | k l m',
      waiting: 'a c b | k l m',
      scheduled: 'b a c | k l m',
      running: 'c a b | k l m',
      failed: 'a b c | k l m',
      workers: 'b a c | k l m',
      settled: 'b a c | k l m',
      oldest: 'c a b | k l m',
      credit: 'c a b | l k m',
      calls: 'c a b | k l m',
      since: 'c a b | k l m',
      p50: 'c a b | k l m',
      p99: 'c a b | k l m',
    });
    assert.equal(namesShown(snapshot, press(createBrowse('oldest'), 'r')), 'b a c | k l m');
  });

  it('shows what has the text, of queues and clients, in upper or lower case', () => {
    for (const [filter, shown] of [
      ['PAUSED', 'c | '],
      ['battery', ' | l'],
      ['site=oslo', ' | m'],
      ['away', ' | m'],
      ['k', ' | k'],
      ['', 'c a b | k l m'],
    ] as const) {
      assert.equal(namesShown(snapshot, createBrowse(undefined, filter)), shown, filter);
    }
  });

  it('shows a queue with those who serve it, and a client with what it serves', () => {
    const only = (kind: 'queue' | 'client', name: string) =>
      namesShown(snapshot, { ...createBrowse(), only: { kind, name } });
    assert.equal(only('queue', 'a'), 'a | k l');
    assert.equal(only('client', 'l'), 'c a | l');
    assert.equal(only('client', 'gone'), ' | ');
  });
});

describe('fitWidth()', () => {
  it('counts the columns of a terminal and cuts no character', () => {
    assert.deepEqual(['abc', '東京', '👩‍🚀', 'e\u0301'].map(widthOf), [3, 4, 2, 1]);
    for (const [text, columns, fitting] of [
      ['abc', 3, 'abc'],
      ['abcd', 3, 'ab…'],
      ['東京都', 5, '東京…'],
      ['東京都', 4, '東…'],
      ['a👩‍🚀b', 3, 'a…'],
      ['abc', 1, '…'],
      ['abc', 0, ''],
    ] as const) {
      assert.equal(fitWidth(text, columns), fitting, `${text} ${columns}`);
    }
  });
});
