import assert from 'node:assert/strict';
import { EVERY_QUEUE } from '../../server/model/caller.ts';
import { applySettings, openDatabase } from '../../server/store/file/database.ts';
import { migrate } from '../../server/store/file/schema.ts';
import { openStore } from '../../server/store/open.ts';
import { createSqliteEngine } from '../../server/store/sqlite/engine.ts';
import { preparePlace } from '../scene/folder.ts';
import { createBroadcast, createTask, stateOf, T0 } from '../scene/tasks.ts';

describe('idempotency keys over a restart', () => {
  const place = preparePlace();

  it('are free or taken as before', async () => {
    const open = () => openStore(`sqlite:${place.file}`, { node: 'test' });
    const task = () => createTask({ idempotencyKey: 'k' });
    const [first, second] = [task(), task()];
    let store = await open();
    await store.insertTasks([first], T0);
    await store.cancelTasks([first.id], 'no', T0);
    await store.close();
    store = await open();
    await store.insertTasks([second], T0);
    assert.equal(await stateOf(store, second.id), 'ready');
    await store.close();
    store = await open();
    const [outcome] = await store.insertTasks([task()], T0);
    assert.deepEqual(outcome, { id: second.id, deduplicated: true });
    assert.equal((await store.describeTask(first.id))!.idempotencyKey, 'k');
    await store.close();
  });
});

describe('a batch that is refused', () => {
  it('leaves the keys that it had taken over with the tasks that had them, and takes back no others', () => {
    const db = openDatabase(':memory:');
    applySettings(db, ':memory:');
    migrate(db);
    const engine = createSqliteEngine(db);
    const withKey = (key: string) => createTask({ idempotencyKey: key });
    const cancel = (...ids: string[]) =>
      ({ kind: 'cancel', ids, reason: 'no', now: T0, scope: EVERY_QUEUE, by: '', isOrder: true }) as const;
    const rows = () =>
      db
        .prepare<{ id: string; own: string; freed: string }>(
          'SELECT id, idempotency_key AS own, freed_key AS freed FROM task ORDER BY key',
        )
        .all()
        .map(({ id, own, freed }) => [id, own, freed]);
    const olds = ['a', 'b', 'c', 'd'].map(withKey);
    const [a, b, c, d] = olds.map(({ id }) => id) as [string, string, string, string];
    engine.transact([{ kind: 'insert', tasks: olds, now: T0 }, cancel(a, b, c, d)]);
    // One that is there with other content refuses each batch at its end.
    const wrong = { ...olds[3]!, idempotencyKey: null };
    const [newA, newC] = [withKey('a'), withKey('c')];
    const { parent } = createBroadcast([], { idempotencyKey: 'd' });
    const answers = engine.transact([
      { kind: 'insert', tasks: [newA], now: T0 },
      { kind: 'insert', tasks: [withKey('b'), withKey('c'), wrong], now: T0 },
      { kind: 'insertBroadcast', parent, children: [], now: T0, filledBy: null },
      { kind: 'insert', tasks: [newC], now: T0 },
    ]);
    assert.deepEqual(
      answers.map((answer) => (answer as { code?: string }).code),
      [undefined, 'ALREADY_EXISTS', 'FAILED_PRECONDITION', undefined],
    );
    const expected = [
      [a, null, 'a'],
      [b, 'b', null],
      [c, null, 'c'],
      [d, 'd', null],
      [newA.id, 'a', null],
      [newC.id, 'c', null],
    ];
    assert.deepEqual(rows(), expected);
    // A later transaction that is refused leaves those of this one as they are.
    engine.transact([{ kind: 'insert', tasks: [withKey('b'), wrong], now: T0 }]);
    assert.deepEqual(rows(), expected);
    db.close();
  });
});
