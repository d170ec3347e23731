import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ALLOWED } from '../../scripts/layers.ts';
import { replaceRooms } from '../../scripts/rooms.ts';
import { ROOT } from '../../scripts/tool.ts';
import { findWrongHops, readHops } from './walks.ts';

describe('docs/architecture.md', () => {
  const page = readFileSync(join(ROOT, 'docs', 'architecture.md'), 'utf8');

  it('has the table of rooms that imports are checked by', () => {
    assert.equal(page, replaceRooms(page));
  });

  it('says of each room that may import or be imported what lives there', () => {
    const rooms = Object.keys(ALLOWED).filter((room) => room !== 'bin');
    const missing = rooms.filter((room) => {
      const name = room === 'server' ? 'server/*.ts' : `${room}/`;
      return !new RegExp(`^\\| \`${name.replace('*', '\\*')}\` \\| (?!nothing of ours|\`)`, 'm').test(page);
    });
    assert.deepEqual(missing, []);
  });

  it('names every folder of tests and no other', () => {
    const row = /^\| `test\/` \|.*$/m.exec(page)?.[0] ?? '';
    const named = [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name!).toSorted();
    const found = readdirSync(join(ROOT, 'test'), { withFileTypes: true });
    assert.deepEqual(named, found.flatMap((one) => (one.isDirectory() ? [one.name] : [])).toSorted());
  });

  it('walks along what is defined where it says, by imports that are there', () => {
    assert.ok(readHops(page).length > 30);
    assert.deepEqual(findWrongHops(page), []);
  });
});

describe('findWrongHops()', () => {
  it('sees a way that is none', () => {
    const way =
      '`session/results.ts: createTakeResults` → `dispatch/queue.ts: settle` → `store/deliveries.ts: settleTasks`';
    assert.deepEqual(findWrongHops(way), []);
    const wrong = (before: string, after: string): string[] => {
      assert.ok(way.includes(before));
      return findWrongHops(way.replace(before, after));
    };
    const nowhere = '`dispatch/broadcasts.ts: what` → `store/clients.ts: remembered`';
    assert.deepEqual(wrong('`dispatch/queue.ts: settle` → `store/deliveries.ts: settleTasks`', nowhere), [
      'dispatch/broadcasts.ts: has no what',
      'store/clients.ts: has no remembered',
      'session/results.ts → dispatch/broadcasts.ts: no import',
      'dispatch/broadcasts.ts → store/clients.ts: no import',
    ]);
    // The name is there, in a comment or as a use.
    assert.deepEqual(wrong('createTakeResults', 'mayHaveStarted'), ['session/results.ts: has no mayHaveStarted']);
    assert.deepEqual(wrong('`store/deliveries.ts: settleTasks`', '`store/commit.ts: createGroupCommit`'), [
      'dispatch/queue.ts → store/commit.ts: no import',
    ]);
    assert.deepEqual(wrong('store/deliveries.ts', 'store/gone.ts'), [
      'store/gone.ts: has no settleTasks',
      'dispatch/queue.ts → store/gone.ts: no import',
    ]);
  });
});
