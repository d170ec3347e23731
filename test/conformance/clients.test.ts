import assert from 'node:assert/strict';
import { openSession } from '../scene/deliveries.ts';
import { T0 } from '../scene/tasks.ts';
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
      subject: '',
    });
    assert.deepEqual(await store.listClients('a', 1), [all[1]]);
    assert.deepEqual(await store.listClients('c', 10), []);
    assert.deepEqual(await store.findClient('b'), all[1]);
    assert.equal(await store.findClient('ephemeral'), null);
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

describeStores('rememberServing()', (open) => {
  const serving = { clientId: 'me', labels: { site: 'berlin' }, methods: ['p.S/M', 'p.S/N'], subject: '' };

  it('remembers a client that has no session, and may be drained', async () => {
    const store = await open();
    await store.rememberServing(serving, T0);
    const me = {
      clientId: 'me',
      labels: { site: 'berlin' },
      queues: [],
      lastSeenAt: T0,
      isDrained: false,
      subject: '',
    };
    assert.deepEqual(await store.listClients('', 10), [me]);
    assert.equal(await store.drainClient('me', true), true);
    await store.rememberServing({ ...serving, labels: {} }, T0 + 10);
    assert.deepEqual(await store.listClients('', 10), [{ ...me, labels: {}, lastSeenAt: T0 + 10, isDrained: true }]);
    assert.equal((await openSession(store, { clientId: 'me', isNamed: true })).isDrained, true);
  });

  it('leaves the queues of a client as they are, as a session leaves what it serves', async () => {
    const store = await open();
    const session = { clientId: 'me', isNamed: true, queues: ['x'], labels: { v: '1' } };
    await openSession(store, session);
    await store.rememberServing(serving, T0 + 1);
    assert.deepEqual((await store.listClients('', 10))[0]!.queues, ['x']);
    await openSession(store, session, T0 + 2);
    assert.deepEqual((await store.listClients('', 10))[0]!.labels, { v: '1' });
    assert.deepEqual(await store.listServing('', 10), [{ clientId: 'me', methods: ['p.S/M', 'p.S/N'], subject: '' }]);
  });
});

describeStores('leaveServing()', (open) => {
  it('notes until when a client that has served something was there', async () => {
    const store = await open();
    const seen = async () =>
      (await store.listClients('', 10)).map(({ clientId, lastSeenAt }) => [clientId, lastSeenAt]);
    await store.rememberServing({ clientId: 'me', labels: {}, methods: ['p.S/M'], subject: '' }, T0);
    await openSession(store, { clientId: 'worker', isNamed: true }, T0);
    for (const clientId of ['me', 'worker', 'nobody']) await store.leaveServing({ clientId, subject: '' }, T0 + 10);
    const left = [
      ['me', T0 + 10],
      ['worker', T0],
    ];
    assert.deepEqual(await seen(), left);
  });
});

describeStores('listServing()', (open) => {
  it('pages through the clients that have served something, with what they served last', async () => {
    const store = await open();
    await openSession(store, { clientId: 'b', isNamed: true });
    for (const clientId of ['d', 'a', 'c']) {
      const subject = `jwt:${clientId}`;
      await store.rememberServing({ clientId, labels: {}, methods: ['p.S/Old'], subject }, T0);
      await store.rememberServing({ clientId, labels: {}, methods: [`p.S/${clientId}`], subject }, T0);
    }
    const all = ['a', 'c', 'd'].map((clientId) => ({
      clientId,
      methods: [`p.S/${clientId}`],
      subject: `jwt:${clientId}`,
    }));
    assert.deepEqual(await store.listServing('', 10), all);
    assert.deepEqual(await store.listServing('', 2), all.slice(0, 2));
    assert.deepEqual(await store.listServing('c', 2), all.slice(2));
    assert.deepEqual(await store.listServing('d', 2), []);
  });
});

describeStores('a named client', (open) => {
  it('is forgotten after 30 days, unless it is connected, serves or is drained', async function () {
    const store = await open();
    if (store.capabilities.kind === 'model') this.skip();
    const away = await openSession(store, { clientId: 'away', isNamed: true });
    await openSession(store, { clientId: 'connected', isNamed: true });
    const drained = await openSession(store, { clientId: 'drained', isNamed: true });
    await store.drainClient('drained', true);
    for (const { session } of [away, drained]) await store.endSession(session, [], T0);
    for (const clientId of ['serves', 'has served']) {
      await store.rememberServing({ clientId, labels: {}, methods: ['p.S/M'], subject: '' }, T0);
    }
    await store.leaveServing({ clientId: 'has served', subject: '' }, T0 + 10);
    // Looked for once in a thousand openings.
    for (let i = 0; i < 1_000; i += 50) {
      const openings = Array.from({ length: 50 }, () =>
        openSession(store, { clientId: 'other', isNamed: true }, T0 + 31 * DAY),
      );
      await Promise.all(openings);
    }
    assert.deepEqual(
      (await store.listClients('', 10)).map((client) => client.clientId),
      ['connected', 'drained', 'other', 'serves'],
    );
  });
});
