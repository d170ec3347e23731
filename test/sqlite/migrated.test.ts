import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openStore } from '../../server/store/open.ts';
import { claim, fail, openSession, settle, startTask, succeed } from '../scene/deliveries.ts';
import { createFolder } from '../scene/folder.ts';
import { addTasks, createBroadcast, createTask, T0 } from '../scene/tasks.ts';

/** The columns that the first released versions of a file do not have. */
const ADDED = [
  ['task', 'freed_key'],
  ['live', 'last_error'],
  ['result', 'lost'],
  ['client', 'first_seen_at'],
  ['live', 'owner'],
  ['live', 'owner_subject'],
  ['broadcast', 'node'],
  ['broadcast', 'audience'],
  ['result', 'error_details'],
  ['queue', 'retain_ms'],
  ['queue', 'retain_count'],
  ['queue', 'pruned_to'],
  ['queue', 'counted_for'],
  ['client', 'methods'],
  ['client', 'served_until'],
  ['task', 'created_by'],
  ['client', 'subject'],
  ['result', 'told_by'],
] as const;

describe('a file of an older schema', () => {
  it('is brought up to date with all that it has', async () => {
    const folder = createFolder();
    const file = join(folder, 'contact.db');
    const open = () => openStore(`sqlite:${file}`, { node: 'test' });
    try {
      let store = await open();
      const done = await startTask(store);
      await settle(store, succeed(done));
      const backing = await startTask(store, { expiresAt: T0 + 10 });
      await settle(store, fail(backing));
      const [cancelled, ready] = await addTasks(store, { idempotencyKey: 'k' }, {});
      await store.cancelTasks([cancelled!], 'no', T0);
      const { parent, children } = createBroadcast(['a'], { audience: 'connected:a' });
      await store.insertBroadcast(parent, children, T0);
      await store.close();
      const db = new DatabaseSync(file);
      for (const [table, column] of ADDED) db.exec(`ALTER TABLE ${table} DROP COLUMN ${column}`);
      db.exec('DROP INDEX result_unsuccessful');
      db.exec('DROP TABLE credential');
      db.exec('DROP TABLE attempt');
      db.exec('DROP TABLE failure');
      db.exec('DROP TABLE principal');
      db.exec('DROP TABLE act');
      db.exec('DROP TABLE task_act');
      db.exec('DROP TABLE task_log');
      db.exec('DROP TABLE history');
      db.exec('PRAGMA user_version = 3');
      db.close();

      store = await open();
      const [next] = await store.insertTasks([createTask({ idempotencyKey: 'k' })], T0);
      assert.equal(next!.deduplicated, false);
      const { state, lost, attempt } = (await store.describeTask(done.taskId))!;
      assert.deepEqual([state, lost, attempt], ['succeeded', 0, 1]);
      // Nobody knows who has told its end, so that whoever names its client is told that it was told.
      const stranger = { ...succeed(done), namedBy: { clientId: 'c', subject: 'token:new' } };
      assert.equal((await settle(store, stranger)).code, 'DUPLICATE');
      assert.equal((await store.describeTask(ready!))!.createdBy, '');
      // Of what failed before there was a table for it nothing is known; of what succeeded all that is kept.
      const ends = async (id: string) => (await store.describeTask(id))!.attempts.map(({ end }) => end);
      assert.deepEqual([await ends(done.taskId), await ends(backing.taskId)], [['succeeded'], []]);
      // Nothing is known of its audience, so that a resend is safe whatever it says.
      const again = { ...parent, audience: 'connected:b' };
      assert.deepEqual(await store.insertBroadcast(again, [], T0), { id: parent.id, deduplicated: true });
      // No queue of it has a place yet from which on it keeps tasks, or any retention.
      assert.deepEqual(await store.listQueueSettings(), []);
      const { taskIds } = await store.pruneTasks({ maxAgeMs: 0, maxCount: 1 }, 10, T0 + 600_000);
      assert.deepEqual(taskIds, [done.taskId]);
      const { expired } = await store.wakeTasks(T0 + 10, 10);
      assert.equal(expired[0]!.error!.message, 'expired while backing off after attempt 1');
      const { session } = await openSession(store);
      assert.deepEqual(
        (await claim(store, session)).map(({ id }) => id),
        [ready, next!.id],
      );
      await store.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
