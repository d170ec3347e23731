import assert from 'node:assert/strict';
import type { SessionOpening } from '../../server/store/sessions.ts';
import { createClients } from '../../server/store/sqlite/clients.ts';
import { applySettings, openDatabase } from '../../server/store/sqlite/file/database.ts';
import { migrate } from '../../server/store/sqlite/file/schema.ts';
import { T0 } from '../scene/tasks.ts';

describe('createClients()', () => {
  it('remembers so many that are idle, those known longest, and every one that is drained or has a session', () => {
    const db = openDatabase(':memory:');
    applySettings(db, ':memory:');
    migrate(db);
    const clients = createClients(db, 3);
    const see = (clientId: string, now: number) => {
      db.prepare(`INSERT OR IGNORE INTO client VALUES (?, '{}', '[]', ?, 0, ?, '[]')`).run(clientId, now, now);
    };
    for (let n = 0; n < 5; n += 1) see(`old-${n}`, T0 + n);
    see('drained', T0 + 10);
    see('connected', T0 + 10);
    assert.equal(clients.drain('drained', true), true);
    db.prepare(
      `INSERT INTO session (client_id, secret_hash, subject, is_named, labels, queues, node, epoch)
       VALUES ('connected', 'x', '', 1, '{}', '[]', 'test', 1)`,
    ).run();
    // Looked for at the first opening, and once in a thousand.
    clients.remember({ clientId: 'new', labels: {}, queues: [] } as unknown as SessionOpening, T0 + 20);
    assert.deepEqual(
      clients.list('', 10).map(({ clientId }) => clientId),
      ['connected', 'drained', 'old-0', 'old-1', 'old-2'],
    );
    db.close();
  });
});
