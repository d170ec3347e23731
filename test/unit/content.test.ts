import assert from 'node:assert/strict';
import { differenceOf, type TaskContent } from '../../server/model/content.ts';
import { createTask } from '../scene/tasks.ts';

const isSame = (a: TaskContent, b: TaskContent): boolean => differenceOf(a, b) === null;

describe('differenceOf()', () => {
  const task = createTask({ metadata: { a: '1', b: '2' }, idempotencyKey: 'k', payload: Buffer.from('x') });

  it('leaves out ids and instants', () => {
    assert.ok(isSame(task, { ...createTask(), ...task, id: 'other', runAt: 1, expiresAt: 2 } as TaskContent));
  });

  it('takes pairs of metadata in any order', () => {
    assert.ok(isSame(task, { ...task, metadata: { b: '2', a: '1' } }));
  });

  it('leaves out what tracing says in metadata', () => {
    const traced = (id: string, state: object) => ({
      ...task.metadata,
      traceparent: id,
      b3: id,
      'x-b3-traceid': id,
      ...state,
    });
    const other = { ...task, metadata: traced('two', { tracestate: 'x', baggage: 'y' }) };
    assert.ok(isSame({ ...task, metadata: traced('one', {}) }, other));
    assert.ok(isSame(task, other));
    assert.equal(differenceOf(other, { ...other, metadata: { ...other.metadata, a: '2' } }), 'metadata');
  });

  it('takes a message of protobuf whose bytes are in another order for the same', () => {
    const say = (payload: string, contentType: string) => ({ ...task, contentType, payload: Buffer.from(payload) });
    const of = (contentType: string, text: string) => differenceOf(say('a=1,b=2', contentType), say(text, contentType));
    assert.deepEqual([of('application/protobuf', 'b=2,a=1'), of('application/json', 'b=2,a=1')], [null, 'payload']);
    assert.deepEqual(
      [of('application/protobuf', 'b=2,a=2'), of('application/protobuf', 'a=1')],
      ['payload', 'payload'],
    );
  });

  const CHANGES: Partial<TaskContent>[] = [
    { queue: 'p' },
    { lane: 'c:x' },
    { priority: 1 },
    { maxAttempts: 9 },
    { timeoutMs: 9 },
    { backoffBaseMs: 9 },
    { backoffCapMs: 9 },
    { idempotencyKey: null },
    { parentId: 'p' },
    { contentType: 'x/y' },
    { metadata: { a: '1' } },
    { metadata: { a: '1', b: '3' } },
    { metadata: { a: '1', c: '2' } },
    { metadata: { a: '1', b: '2', c: '3' } },
    { payload: Buffer.from('y') },
    { payload: Buffer.from('xx') },
  ];
  it('compares whom two broadcasts are for, if that is known of both', () => {
    const broadcast = { ...task, audience: 'connected:a' };
    assert.ok(isSame(broadcast, { ...task, audience: 'connected:a' }));
    assert.equal(differenceOf(broadcast, { ...task, audience: 'connected:' }), 'target');
    assert.equal(differenceOf(broadcast, { ...task, audience: 'known:a' }), 'target');
    for (const audience of [null, undefined]) {
      assert.ok(isSame(broadcast, { ...task, ...(audience === undefined ? {} : { audience }) }));
      assert.ok(isSame({ ...task, ...(audience === undefined ? {} : { audience }) }, broadcast));
    }
  });

  for (const change of CHANGES) {
    it(`tells apart another ${Object.keys(change)[0]}: ${JSON.stringify(change)}`, () => {
      assert.equal(isSame(task, { ...task, ...change }), false);
      assert.equal(isSame({ ...task, ...change }, task), false);
    });
  }
});
