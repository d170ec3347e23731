import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import {
  type Enqueued,
  Gatherer,
  pruneBatch,
  rejectBatch,
  resolveBatch,
  splitBatch,
  type Waiter,
} from '../../client/batch.ts';
import { Outstanding } from '../../client/outstanding.ts';
import { NewTaskSchema } from '../../gen/contact/v1/task_pb.ts';
import { ContactError } from '../../shared/errors.ts';

const LIMITS = { maxTasks: 3, maxBytes: 100 };

function createScene() {
  const gatherer = new Gatherer(LIMITS);
  const settled: (Enqueued | string)[] = [];
  const waiters: Waiter<Enqueued>[] = [];
  const add = (id: string, bytes = 1): void => {
    const waiter = { resolve: (value: Enqueued) => settled.push(value), reject: () => settled.push(`${id} rejected`) };
    waiters.push(waiter);
    gatherer.add(create(NewTaskSchema, { id }), bytes, waiter);
  };
  const takeIds = () => gatherer.take().map(({ tasks }) => tasks.map(({ id }) => id).join(''));
  return { gatherer, settled, waiters, add, takeIds };
}

describe('Gatherer', () => {
  it('cuts at the number of tasks', () => {
    const { add, takeIds } = createScene();
    for (const id of 'abcdefg') add(id);
    assert.deepEqual(takeIds(), ['abc', 'def', 'g']);
    assert.deepEqual(takeIds(), []);
  });

  it('cuts at the bytes, and a large one goes alone', () => {
    const { add, takeIds } = createScene();
    add('a', 60);
    add('b', 40);
    add('c', 10);
    add('d', 500);
    add('e', 10);
    assert.deepEqual(takeIds(), ['ab', 'c', 'd', 'e']);
  });

  it("keeps a caller's own batch whole and in its place", () => {
    const { gatherer, add, takeIds } = createScene();
    add('a');
    const whole = ['w', 'x', 'y', 'z'].map((id) => create(NewTaskSchema, { id }));
    gatherer.addWhole(whole, 4, { resolve: () => {}, reject: () => {} });
    add('b');
    assert.deepEqual(takeIds(), ['a', 'wxyz', 'b']);
  });

  it('sends a broadcast alone', () => {
    const { gatherer, add, takeIds } = createScene();
    add('a');
    const target = { case: 'broadcast' as const, value: { selector: '', known: false } };
    gatherer.add(create(NewTaskSchema, { id: 'b', target }), 1, { resolve: () => {}, reject: () => {} });
    add('c');
    add('d');
    assert.deepEqual(takeIds(), ['a', 'b', 'cd']);
  });

  it('does not add to a batch that was taken', () => {
    const { add, takeIds } = createScene();
    add('a');
    assert.deepEqual(takeIds(), ['a']);
    add('b');
    assert.deepEqual(takeIds(), ['b']);
  });
});

describe('resolveBatch()', () => {
  it('gives each waiter its id, its own when the server names none', () => {
    const { gatherer, add, settled } = createScene();
    add('a');
    add('b');
    const [batch] = gatherer.take();
    resolveBatch(batch!, [], [1]);
    resolveBatch(batch!, ['a', 'other'], []);
    assert.deepEqual(settled, [
      { id: 'a', deduplicated: false },
      { id: 'b', deduplicated: true },
      { id: 'a', deduplicated: false },
      { id: 'other', deduplicated: false },
    ]);
  });
});

describe('splitBatch()', () => {
  it('gives every task a batch of its own with its waiter, and loses no byte', () => {
    const { gatherer, add, settled } = createScene();
    for (const id of 'abc') add(id, 7);
    const [batch] = gatherer.take();
    const parts = splitBatch(batch!);
    assert.equal(
      parts.reduce((sum, { bytes }) => sum + bytes, 0),
      21,
    );
    rejectBatch(parts[1]!, new ContactError('INVALID_ARGUMENT', 'no'));
    resolveBatch(parts[2]!, [], []);
    assert.deepEqual(settled, ['b rejected', { id: 'c', deduplicated: false }]);
  });

  it('does not split one task, nor a batch that is all or nothing', () => {
    const { gatherer, add } = createScene();
    add('a');
    gatherer.addWhole([create(NewTaskSchema), create(NewTaskSchema)], 2, { resolve: () => {}, reject: () => {} });
    assert.deepEqual(gatherer.take().map(splitBatch), [[], []]);
  });
});

describe('pruneBatch()', () => {
  it('takes out the tasks whose callers have gone', () => {
    const { gatherer, add, waiters, settled } = createScene();
    for (const id of 'abc') add(id);
    const [batch] = gatherer.take();
    waiters[1]!.isAbandoned = true;
    assert.equal(pruneBatch(batch!), 1);
    assert.equal(pruneBatch(batch!), 0);
    resolveBatch(batch!, [], []);
    assert.deepEqual(
      settled.map((one) => (typeof one === 'string' ? one : one.id)),
      ['a', 'c'],
    );
  });
});

describe('Outstanding', () => {
  it('lets in what fits and makes the rest wait in order', async () => {
    const room = new Outstanding(2, 100);
    const entered: string[] = [];
    assert.equal(room.enter(1, 10), null);
    assert.equal(room.enter(1, 10), null);
    const waits = ['a', 'b', 'c'].map((name) => room.enter(1, 10)!.then(() => entered.push(name)));
    room.leave(1, 10);
    await waits[0];
    assert.deepEqual(entered, ['a']);
    room.leave(2, 20);
    await Promise.all(waits);
    assert.deepEqual(entered, ['a', 'b', 'c']);
  });

  it('lets one in that is larger than itself once it is empty', async () => {
    const room = new Outstanding(10, 100);
    assert.equal(room.enter(1, 1), null);
    const large = room.enter(1, 1_000);
    const after = room.enter(1, 1);
    room.leave(1, 1);
    await large;
    room.leave(1, 1_000);
    await after;
    assert.equal(room.count, 1);
  });

  it('says when there is room and when it is empty', async () => {
    const room = new Outstanding(1, 100);
    await room.free();
    await room.empty();
    room.enter(1, 1);
    const told: string[] = [];
    const free = room.free().then(() => told.push('free'));
    const empty = room.empty().then(() => told.push('empty'));
    await Promise.resolve();
    assert.deepEqual(told, []);
    room.leave(1, 1);
    await Promise.all([free, empty]);
  });
});
