import assert from 'node:assert/strict';
import {
  addresseeOf,
  distinctLanes,
  isClientLane,
  isSelectorLane,
  laneKey,
  laneOfClient,
  laneOfSelector,
  PARENT_LANE,
  SHARED_LANE,
} from '../../server/model/lane.ts';

describe('a lane', () => {
  it('says whom it names', () => {
    assert.deepEqual(addresseeOf(SHARED_LANE), { kind: 'anyone' });
    assert.deepEqual(addresseeOf(laneOfClient('s:a')), { kind: 'client', clientId: 's:a' });
    assert.deepEqual(addresseeOf(laneOfSelector('c:a')), { kind: 'selector', selector: 'c:a' });
    assert.deepEqual(addresseeOf(PARENT_LANE), { kind: 'children' });
  });

  it('is of one kind', () => {
    const lanes = [SHARED_LANE, PARENT_LANE, laneOfClient('x'), laneOfSelector('x')];
    assert.deepEqual(lanes.map(isClientLane), [false, false, true, false]);
    assert.deepEqual(lanes.map(isSelectorLane), [false, false, false, true]);
  });

  it('has one key in its queue', () => {
    const keys = ['a', 'b'].flatMap((queue) => ['', 'c:x', 's:x'].map((lane) => laneKey({ queue, lane })));
    assert.equal(new Set(keys).size, 6);
  });
});

describe('distinctLanes()', () => {
  it('keeps the first of each, in order', () => {
    const [a, b] = [
      { queue: 'q', lane: 'c:a' },
      { queue: 'q', lane: '' },
    ];
    assert.deepEqual(distinctLanes([a, { ...a }, b, { ...a }, b]), [a, b]);
    assert.deepEqual(distinctLanes([]), []);
  });
});
