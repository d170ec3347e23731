import assert from 'node:assert/strict';
import { applySettings, openDatabase } from '../../server/store/file/database.ts';
import { migrate } from '../../server/store/file/schema.ts';
import type { SessionOpening } from '../../server/store/sessions.ts';
import { type Clients, createClients } from '../../server/store/sqlite/clients.ts';
import { createOwners } from '../../server/store/sqlite/rows/index.ts';
import { T0 } from '../scene/tasks.ts';

const HOUR = 3_600_000;

describe('createClients()', () => {
  it('remembers so many that are idle, those known longest, and every one that is drained, has a session or serves', () => {
    const db = openDatabase(':memory:');
    applySettings(db, ':memory:');
    migrate(db);
    const clients = createClients(db, createOwners(db), { maxNamedClients: 3 });
    const see = (clientId: string, now: number) => {
      db.prepare(`INSERT OR IGNORE INTO client VALUES (?, '{}', '[]', ?, 0, ?, '[]', 0, '')`).run(clientId, now, now);
    };
    for (let n = 0; n < 5; n += 1) see(`old-${n}`, T0 + n);
    see('drained', T0 + 10);
    see('connected', T0 + 10);
    assert.equal(clients.drain('drained', true), true);
    db.prepare(
      `INSERT INTO session (client_id, secret_hash, subject, is_named, labels, queues, node, epoch)
       VALUES ('connected', 'x', '', 1, '{}', '[]', 'test', 1)`,
    ).run();
    // What another server has left, which ended while they served.
    const before = createClients(db, createOwners(db), { maxNamedClients: 100 });
    const serve = ({ rememberServing }: Clients, clientId: string, now: number): void =>
      rememberServing({ clientId, labels: {}, methods: ['p.S/M'], subject: '' }, now);
    for (const clientId of ['serves', 'stays away', 'left']) serve(before, clientId, T0 + 10);
    before.leaveServing({ clientId: 'left', subject: '' }, T0 + 11);
    const idsAfter = (clientId: string, now: number): readonly string[] => {
      clients.remember({ clientId, labels: {}, queues: [], subject: '' } as unknown as SessionOpening, now);
      return clients.list('', 20).map((client) => client.clientId);
    };
    const stay = ['connected', 'drained', 'old-0', 'old-1', 'old-2', 'serves'];
    // Looked for at the first opening, and once in a thousand.
    assert.deepEqual(idsAfter('new', T0 + 20), [...stay, 'stays away']);
    for (let count = 1; count < 1_000; count += 1) serve(clients, 'serves', T0 + 30);
    assert.deepEqual(idsAfter('new', T0 + 2 * HOUR), stay);
    db.close();
  });

  it('remembers so many of one principal that are idle, those known longest, and others’ as before', () => {
    const db = openDatabase(':memory:');
    applySettings(db, ':memory:');
    migrate(db);
    const before = createClients(db, createOwners(db), {});
    let now = T0;
    const come = (clients: Clients, clientId: string, subject: string): void => {
      clients.remember({ clientId, labels: {}, queues: [], subject } as unknown as SessionOpening, ++now);
    };
    for (const id of ['a1', 'a2', 'a3', 'a4', 'a5', 'a6']) come(before, id, 'token:a');
    for (const id of ['b1', 'b2']) come(before, id, 'token:b');
    for (const id of ['n1', 'n2', 'n3', 'n4']) come(before, id, '');
    before.rememberServing({ clientId: 'serves', labels: {}, methods: ['p.S/M'], subject: 'token:a' }, ++now);
    before.rememberServing({ clientId: 'served', labels: {}, methods: ['p.S/M'], subject: 'token:b' }, ++now);
    before.leaveServing({ clientId: 'served', subject: 'token:b' }, ++now);
    before.drain('a5', true);
    // It counts for whom it came by last.
    come(before, 'a2', 'token:b');
    const clients = createClients(db, createOwners(db), { maxNamedClientsPerPrincipal: 2 });
    come(clients, 'b1', 'token:b');
    const known = clients.list('', 20).map(({ clientId }) => clientId);
    assert.deepEqual(known, ['a1', 'a2', 'a3', 'a5', 'b1', 'n1', 'n2', 'n3', 'n4', 'serves']);
    db.close();
  });

  it('remembers so many bytes of what those have served that are away, of those known longest', () => {
    const db = openDatabase(':memory:');
    applySettings(db, ':memory:');
    migrate(db);
    const methods = [`p.S/${'m'.repeat(194)}`];
    // Ten clients have 2,020 bytes with the brackets and quotes of JSON; the look comes when a quarter of it is written.
    const clients = createClients(db, createOwners(db), { maxNamedClients: 1_000 }, 2_020);
    const known = (): string[] => clients.listServing('', 50).map(({ clientId }) => clientId);
    const serve = (clientId: string, now: number): void =>
      clients.rememberServing({ clientId, labels: {}, methods, subject: '' }, now);
    const name = (n: number): string => `c${String(n).padStart(3, '0')}`;
    for (let n = 0; n < 200; n += 1) {
      serve(name(n), T0 + n);
      if (n !== 50) clients.leaveServing({ clientId: name(n), subject: '' }, T0 + n);
      assert.ok(known().length <= 15, `${known().length} at ${n}`);
    }
    serve('last', T0 + 300);
    const oldest = known().slice(0, 11);
    assert.deepEqual(oldest, [...Array.from({ length: 10 }, (_, n) => name(n)), name(50)]);
    assert.equal(clients.list('', 500).length, 201, 'the clients themselves stay known');
    db.close();
  });

  it('remembers half of these bytes of the clients of one principal, and others’ as before', () => {
    const db = openDatabase(':memory:');
    applySettings(db, ':memory:');
    migrate(db);
    const methods = [`p.S/${'m'.repeat(194)}`];
    const clients = createClients(db, createOwners(db), { maxNamedClients: 1_000 }, 2_020);
    const known = (): string =>
      clients
        .listServing('', 50)
        .map(({ clientId }) => clientId)
        .join(' ');
    const come = (clientId: string, subject: string, now: number): void => {
      clients.rememberServing({ clientId, labels: {}, methods, subject }, now);
      clients.leaveServing({ clientId, subject }, now);
    };
    // A look comes with each fourth of them.
    for (let n = 0; n < 4; n += 1) come(`a${n}`, 'jwt:a', T0 + n);
    for (let n = 0; n < 12; n += 1) come(`b${String(n).padStart(2, '0')}`, 'jwt:b', T0 + 10 + n);
    for (let n = 4; n < 8; n += 1) come(`a${n}`, 'jwt:a', T0 + 30 + n);
    for (let n = 0; n < 3; n += 1) come('c', 'jwt:c', T0 + 40 + n);
    assert.equal(known(), 'a0 a1 a2 a3 a4 b00 b01 b02 b03 b04 c');
    db.close();
  });
});
