import assert from 'node:assert/strict';
import { createLaneTable } from '../../server/dispatch/lanes.ts';
import type { Capacity } from '../../server/dispatch/receiver.ts';
import { measureMemory } from '../scene/memory.ts';
import { answer, createReceiver, createTasks, LANE, planned } from '../scene/receiver.ts';

describe('createLaneTable()', () => {
  it('asks for a receiver that has room in a lane that may be ready', () => {
    const table = createLaneTable();
    table.attach(createReceiver(1), [LANE]);
    assert.ok(table.hasWork());
    assert.deepEqual(planned(table), [1]);
  });

  it('asks no more once a claim found the lanes empty, until one is marked', () => {
    const table = createLaneTable();
    const receiver = createReceiver(1);
    table.attach(receiver, [LANE]);
    table.plan();
    answer(table, receiver, 0, true);
    assert.equal(table.hasWork(), false);
    table.mark(LANE);
    assert.ok(table.hasWork());
  });

  it('keeps a mark that arrives between the plan and its answer', () => {
    const table = createLaneTable();
    const receiver = createReceiver(1);
    table.attach(receiver, [LANE]);
    table.plan();
    table.mark(LANE);
    answer(table, receiver, 0, true);
    assert.ok(table.hasWork());
  });

  it('keeps a queue that one receiver draws from in few bytes, once its own lane is known to be empty', async () => {
    const names = Array.from({ length: 10_000 }, (_, n) => `queue-${n}`);
    const lanes = names.flatMap((queue) => [LANE, { lane: 'c:client-1' }].map(({ lane }) => ({ queue, lane })));
    const receiver = { ...createReceiver(1), queues: names };
    const before = await measureMemory();
    const table = createLaneTable();
    table.attach(receiver, lanes);
    table.plan();
    answer(table, receiver, 0, true);
    assert.equal(table.hasWork(), false);
    assert.deepEqual(table.plan(), []);
    const bytes = ((await measureMemory()) - before) / names.length;
    assert.ok(bytes < 600, `${bytes} bytes for each`);
    assert.equal(table.countReceivers(names[0]!), 1);
  });

  it('asks once for what is inserted and claimed in one transaction', () => {
    const table = createLaneTable();
    const receiver = createReceiver(1);
    table.attach(receiver, [LANE]);
    table.plan();
    table.inserted(LANE);
    answer(table, receiver, 1, true);
    assert.equal(table.hasWork(), false);
    // The claim of an earlier transaction did not see it.
    table.inserted(LANE);
    assert.ok(table.hasWork());
  });

  it('asks again for what is inserted beside a claim that did not ask there', () => {
    const table = createLaneTable();
    const [one, other] = [createReceiver(1), createReceiver(2)];
    const elsewhere = { ...LANE, lane: 'c:client-2' };
    table.attach(one, [LANE]);
    table.attach(other, [elsewhere]);
    table.plan();
    answer(table, one, 0, true);
    answer(table, other, 0, true);
    table.mark(LANE);
    assert.deepEqual(planned(table), [1]);
    table.inserted(elsewhere);
    answer(table, one, 0, true);
    assert.deepEqual(planned(table), [2]);
  });

  it('leaves out who has no capacity until it has some again', () => {
    const table = createLaneTable();
    const receiver = createReceiver(1, 0);
    table.attach(receiver, [LANE]);
    assert.deepEqual(planned(table), []);
    assert.equal(table.hasWork(), false);
    receiver.space = { limit: 1, maxBytes: 1, mayExceed: true };
    table.freed(receiver);
    assert.deepEqual(planned(table), [1]);
  });

  it('does not ask again and again for a receiver whose bytes ended the claim', () => {
    const table = createLaneTable();
    const receiver = createReceiver(1);
    receiver.space = { limit: 10, maxBytes: 100, mayExceed: false };
    table.attach(receiver, [LANE]);
    table.plan();
    answer(table, receiver, 0, false);
    assert.equal(table.hasWork(), false);
    table.freed(receiver);
    assert.ok(table.hasWork());
  });

  it('asks again for a receiver that got capacity while its claim was under way', () => {
    const table = createLaneTable();
    const receiver = createReceiver(1);
    receiver.space = { limit: 10, maxBytes: 100, mayExceed: false };
    table.attach(receiver, [LANE]);
    table.plan();
    table.freed(receiver);
    answer(table, receiver, 0, false);
    assert.deepEqual(planned(table), [1]);
  });

  it('asks again for a receiver that got nothing because the claim as a whole was full', () => {
    const table = createLaneTable();
    const [freed, left] = [createReceiver(1), createReceiver(2)];
    table.attach(freed, [LANE]);
    table.attach(left, [LANE]);
    table.plan();
    const answers = [freed, left].map(({ session }, index) => ({
      session,
      tasks: createTasks(index === 0 ? 10 : 0),
      exhausted: false,
    }));
    table.learn(answers);
    assert.equal(planned(table)[0], 2);
  });

  it('learns nothing of a lane from a session that has ended, and does not ask for it again', () => {
    const table = createLaneTable();
    const [gone, other] = [createReceiver(1), createReceiver(2, 0)];
    table.attach(gone, [LANE]);
    table.attach(other, [LANE]);
    assert.deepEqual(planned(table), [1]);
    table.learn([{ session: gone.session, tasks: [], exhausted: false, isGone: true }]);
    assert.equal(table.hasWork(), false);
    other.space = { limit: 1, maxBytes: 1_000, mayExceed: true };
    table.freed(other);
    assert.deepEqual(planned(table), [2]);
  });

  it('gives the others their turn first after one got tasks', () => {
    const table = createLaneTable();
    const first = createReceiver(1);
    const second = createReceiver(2);
    table.attach(first, [LANE]);
    table.attach(second, [LANE]);
    assert.deepEqual(planned(table), [1, 2]);
    answer(table, first, 10, false);
    assert.deepEqual(planned(table), [2, 1]);
  });

  it('asks at most 256 receivers and 2,000 tasks at once', () => {
    const table = createLaneTable();
    for (let key = 0; key < 300; key += 1) table.attach(createReceiver(key, 1), [LANE]);
    assert.equal(table.plan().length, 256);
    const wide = createLaneTable();
    for (let key = 0; key < 3; key += 1) wide.attach(createReceiver(key, 1_500), [LANE]);
    assert.deepEqual(
      wide.plan().map(({ limit }) => limit),
      [1_500, 500],
    );
    assert.ok(wide.hasWork());
  });

  it('puts all hot lanes of a receiver into one request', () => {
    const table = createLaneTable();
    const lanes = [LANE, { queue: 'q', lane: 'c:client-1' }, { queue: 'other', lane: '' }];
    table.attach(createReceiver(1), lanes);
    assert.deepEqual(
      table.plan()[0]!.lanes.map(({ queue, lane }) => ({ queue, lane })),
      lanes,
    );
  });

  it('forgets lanes that nobody draws from', () => {
    const table = createLaneTable();
    const receiver = createReceiver(1);
    table.attach(receiver, [LANE]);
    table.plan();
    table.detach(receiver);
    assert.equal(table.isDrawn(LANE), false);
    table.mark(LANE);
    assert.equal(table.hasWork(), false);
    assert.deepEqual(table.learn([{ session: receiver.session, tasks: [], exhausted: true }]), []);
  });

  it('says that a receiver has gone when what was claimed for it is on disk', () => {
    const table = createLaneTable();
    const [gone, here] = [createReceiver(1), createReceiver(2)];
    for (const receiver of [gone, here]) table.attach(receiver, [LANE]);
    table.plan();
    const outcomes = [gone, here].map(({ session }) => ({ session, tasks: createTasks(1), exhausted: true }));
    const grants = table.learn(outcomes);
    table.detach(gone);
    assert.deepEqual(
      grants.map((grant) => table.take(grant)),
      [false, true],
    );
  });

  it('plans beside what is claimed and not pushed yet', () => {
    const table = createLaneTable();
    const receiver = createReceiver(1, 10);
    table.attach(receiver, [LANE]);
    const rooms = (): Capacity[] =>
      table.plan().map(({ limit, maxBytes, mayExceed }) => ({ limit, maxBytes, mayExceed }));
    assert.deepEqual(rooms(), [{ limit: 10, maxBytes: 1_000, mayExceed: true }]);
    const first = table.learn([{ session: receiver.session, tasks: createTasks(4, 'q', 100), exhausted: true }]);
    table.mark(LANE);
    assert.deepEqual(rooms(), [{ limit: 6, maxBytes: 600, mayExceed: false }]);
    const second = table.learn([{ session: receiver.session, tasks: createTasks(6, 'q', 0), exhausted: false }]);
    assert.deepEqual(rooms(), []);
    for (const grant of [...first, ...second]) table.take(grant);
    // From here on a receiver counts these itself, and this one counts none.
    table.freed(receiver);
    assert.deepEqual(rooms(), [{ limit: 10, maxBytes: 1_000, mayExceed: true }]);
  });
});
