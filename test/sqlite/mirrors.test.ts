import assert from 'node:assert/strict';
import { applySettings, openDatabase } from '../../server/store/file/database.ts';
import { migrate } from '../../server/store/file/schema.ts';
import type { Request } from '../../server/store/request.ts';
import type { MirrorsOf } from '../../server/store/sqlite/context.ts';
import { createSqliteEngine } from '../../server/store/sqlite/engine.ts';
import { createTask, T0 } from '../scene/tasks.ts';

describe('mirrors of the SQLite store', () => {
  it('are all in the list, or it does not compile', () => {
    const parts = {
      counts: { reload: () => {} },
      log: { flush: () => {}, reload: () => {} },
      reads: { find: () => 1 },
    };
    const all: MirrorsOf<typeof parts> = { counts: parts.counts, log: parts.log };
    assert.deepEqual(Object.keys(all), ['counts', 'log']);
    // @ts-expect-error: `log` mirrors the file too.
    const some: MirrorsOf<typeof parts> = { counts: parts.counts };
    assert.ok(some);
    // @ts-expect-error: `reads` is none.
    const more: MirrorsOf<typeof parts> = { ...all, reads: parts.reads };
    assert.ok(more);
  });

  it('are as the file has them after a group that was taken back, each of them', () => {
    const db = openDatabase(':memory:');
    applySettings(db, ':memory:');
    migrate(db);
    const engine = createSqliteEngine(db);
    const insert = (queue: string): Request => ({ kind: 'insert', tasks: [createTask({ queue })], now: T0 });
    const session = {
      ...{ secretHash: 'a', subject: '', clientId: 'robot', isNamed: true, labels: {}, queues: ['q'], node: 'n' },
      resume: null,
    };
    const open: Request = { kind: 'openSession', opening: session, now: T0 };
    const broken = {
      kind: 'purge',
      get queue() {
        throw new Error('broken');
      },
    } as unknown as Request;
    const tell = () => ({
      queues: engine.queues.countQueues(),
      key: engine.counters.nextTaskKey,
      waiting: engine.queues.countLanes('q', 9),
    });
    engine.transact([insert('q')]);
    const before = tell();
    assert.throws(() => engine.transact([insert('q'), insert('other'), open, broken]), /broken/);
    assert.deepEqual(tell(), before);
    const lanes = [{ queue: 'q', lane: '' }];
    const request = { session: { key: 1, epoch: 1 }, lanes, limit: 1, maxBytes: 1, mayExceed: true };
    const [claimed] = engine.transact([{ kind: 'claim', plan: () => [request], now: () => T0 }]);
    assert.deepEqual(claimed, [{ session: request.session, tasks: [], exhausted: false, isGone: true }]);
    db.close();
  });
});
