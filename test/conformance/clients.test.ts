import assert from 'node:assert/strict';
import type { SessionOpening } from '../../server/store/sessions.ts';
import { createClients } from '../../server/store/sqlite/clients.ts';
import { applySettings, openDatabase } from '../../server/store/sqlite/database.ts';
import { migrate } from '../../server/store/sqlite/schema.ts';
import { openSession, T0 } from './scene.ts';
import { describeStores } from './stores.ts';

const DAY = 24 * 3_600_000;

describeStores('listClients()', (open) => {
  it('pages through named clients by id', async () => {
    const store = await open();
    await openSession(store, { clientId: 'b', isNamed: true, labels: { site: 'berlin' }, queues: ['x', 'y'] });
    await openSession(store, { clientId: 'c', isNamed: true }, T0 + 1);
    await openSession(store, { clientId: 'ephemeral' });
    await openSession(store, { clientId: 'a', isNamed: true });
    const all = await store.listClients('', 10);
    assert.deepEqual(
      all.map(({ clientId, lastSeenAt }) => [clientId, lastSeenAt]),
      [
        ['a', T0],
        ['b', T0],
        ['c', T0 + 1],
      ],
    );
    assert.deepEqual(all[1], {
      clientId: 'b',
      labels: { site: 'berlin' },
      queues: ['x', 'y'],
      lastSeenAt: T0,
      isDrained: false,
    });
    assert.deepEqual(await store.listClients('a', 1), [all[1]]);
    assert.deepEqual(await store.listClients('c', 10), []);
  });

  it('knows the newest labels, and since when a client is away', async () => {
    const store = await open();
    const me = { clientId: 'me', isNamed: true };
    const seen = async () => (await store.listClients('', 1))[0]!;
    const { session } = await openSession(store, { ...me, secretHash: 'one', labels: { v: '1' } });
    await store.loseSession(session, T0 + 10);
    assert.equal((await seen()).lastSeenAt, T0 + 10);
    const resume = { previousHash: 'one', holding: [] };
    const resumed = await openSession(store, { ...me, labels: { v: '2' }, resume }, T0 + 20);
    assert.deepEqual([(await seen()).lastSeenAt, (await seen()).labels], [T0 + 20, { v: '2' }]);
    await store.endSession(resumed.session, 'all', T0 + 30);
    assert.equal((await seen()).lastSeenAt, T0 + 30);
  });

  it('takes the loss, not the end that follows it, for when a client went', async () => {
    const store = await open();
    const { session } = await openSession(store, { clientId: 'me', isNamed: true });
    await store.loseSession(session, T0 + 10);
    await store.endSession(session, 'all', T0 + 25);
    assert.equal((await store.listClients('', 1))[0]!.lastSeenAt, T0 + 10);
  });
});

describeStores('drainClient()', (open) => {
  it('is remembered for the sessions to come, until it is set back', async () => {
    const store = await open();
    const me = { clientId: 'me', isNamed: true };
    assert.equal((await openSession(store, me)).isDrained, false);
    assert.equal(await store.drainClient('me', true), true);
    assert.equal((await store.listClients('', 1))[0]!.isDrained, true);
    const first = await openSession(store, { ...me, secretHash: 'one' });
    const second = await openSession(store, { ...me, resume: { previousHash: 'one', holding: [] } });
    assert.deepEqual([first.isDrained, second.resumed, second.isDrained], [true, true, true]);
    assert.equal((await openSession(store, { clientId: 'you', isNamed: true })).isDrained, false);
    assert.equal(await store.drainClient('me', false), true);
    assert.equal((await openSession(store, me)).isDrained, false);
  });

  it('is only for named clients', async () => {
    const store = await open();
    await openSession(store, { clientId: 'ephemeral' });
    assert.equal(await store.drainClient('ephemeral', true), false);
    assert.equal(await store.drainClient('never heard of', true), false);
    assert.equal((await openSession(store, { clientId: 'ephemeral' })).isDrained, false);
  });
});

describe('createClients()', () => {
  it('remembers so many that are idle, those known longest, and every one that is drained or has a session', () => {
    const db = openDatabase(':memory:');
    applySettings(db, ':memory:');
    migrate(db);
    const clients = createClients(db, 3);
    const see = (clientId: string, now: number) => {
      db.prepare(`INSERT OR IGNORE INTO client VALUES (?, '{}', '[]', ?, 0, ?)`).run(clientId, now, now);
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

describeStores('a named client', (open) => {
  it('is forgotten after 30 days, unless it is connected or drained', async function () {
    const store = await open();
    if (store.capabilities.kind === 'model') this.skip();
    const away = await openSession(store, { clientId: 'away', isNamed: true });
    await openSession(store, { clientId: 'connected', isNamed: true });
    const drained = await openSession(store, { clientId: 'drained', isNamed: true });
    await store.drainClient('drained', true);
    for (const { session } of [away, drained]) await store.endSession(session, [], T0);
    // Looked for once in a thousand openings.
    for (let i = 0; i < 1_000; i += 50) {
      const openings = Array.from({ length: 50 }, () =>
        openSession(store, { clientId: 'other', isNamed: true }, T0 + 31 * DAY),
      );
      await Promise.all(openings);
    }
    assert.deepEqual(
      (await store.listClients('', 10)).map((client) => client.clientId),
      ['connected', 'drained', 'other'],
    );
  });
});
