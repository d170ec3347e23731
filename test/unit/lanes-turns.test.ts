import assert from 'node:assert/strict';
import { createLaneTable } from '../../server/dispatch/lanes.ts';
import { answer, createReceiver, createTasks, LANE } from '../scene/receiver.ts';

describe('createLaneTable(), over time', () => {
  it('claims nothing of a paused queue until it is resumed', () => {
    const table = createLaneTable();
    table.attach(createReceiver(1), [LANE, { queue: 'other', lane: '' }]);
    table.pause('q');
    assert.deepEqual(
      table.plan()[0]!.lanes.map(({ queue }) => queue),
      ['other'],
    );
    table.resume('q');
    assert.equal(table.plan()[0]!.lanes.length, 2);
  });

  it('starts each claim with another queue, so that one task at a time is fair too', () => {
    const table = createLaneTable();
    const receiver = createReceiver(1, 1);
    table.attach(receiver, [LANE, { queue: 'other', lane: '' }]);
    const firsts: string[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      const { queue } = table.plan()[0]!.lanes[0]!;
      firsts.push(queue);
      const outcome = { session: receiver.session, tasks: createTasks(1, queue), exhausted: false };
      for (const grant of table.learn([outcome])) table.take(grant);
    }
    assert.deepEqual(firsts, ['q', 'other', 'q', 'other']);
  });

  it('draws from a lane that comes later', () => {
    const table = createLaneTable();
    const receiver = createReceiver(1);
    table.attach(receiver, [LANE]);
    table.attach(receiver, [{ queue: 'q', lane: 's:a=b' }]);
    assert.equal(table.plan()[0]!.lanes.length, 2);
    table.detach(receiver);
    assert.equal(table.hasWork(), false);
  });

  it('counts who draws from a queue once, however many lanes', () => {
    const table = createLaneTable();
    table.attach(createReceiver(1), [LANE, { queue: 'q', lane: 'c:client-1' }]);
    table.attach(createReceiver(2), [LANE]);
    assert.equal(table.countReceivers('q'), 2);
    assert.equal(table.countReceivers('none'), 0);
  });

  it("keeps a client's own lane only as long as it may hold tasks", () => {
    const table = createLaneTable();
    const receiver = createReceiver(1);
    const own = { queue: 'q', lane: 'c:client-1' };
    const lanesAsked = () => table.plan().flatMap(({ lanes }) => lanes.map(({ lane }) => lane));
    table.attach(receiver, [LANE, own]);
    assert.deepEqual(lanesAsked(), ['', 'c:client-1']);
    answer(table, receiver, 0, true);
    assert.deepEqual([table.hasWork(), table.isDrawn(own)], [false, true]);
    for (const tell of [() => table.mark(own), () => table.inserted(own)]) {
      tell();
      assert.deepEqual(lanesAsked(), ['c:client-1']);
      answer(table, receiver, 0, true);
    }
    table.markQueue('q');
    assert.deepEqual(lanesAsked(), ['', 'c:client-1']);
    answer(table, receiver, 0, true);
    table.mark({ queue: 'unserved', lane: 'c:client-1' });
    assert.equal(table.hasWork(), false);
  });
});
