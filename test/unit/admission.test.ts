import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createAdmission } from '../../server/store/admission.ts';

interface Waiting {
  readonly name: string;
  readonly whose: string | undefined;
  readonly items: number;
  readonly bytes: number;
}

const request = (name: string, items = 1, bytes = 0): Waiting => {
  const whose = name.replace(/\d+$/, '');
  return { name, whose: whose === 'result' ? undefined : whose, items, bytes };
};
const several = (whose: string, count: number, items = 1): Waiting[] =>
  Array.from({ length: count }, (_, n) => request(`${whose}${n + 1}`, items));

/** The names of each group until nothing waits. */
function drain(queue: Waiting[], maxItems: number, maxBytes = 100): string[] {
  const admit = createAdmission<Waiting>({ maxItems, maxBytes, turnOf: ({ whose }) => whose });
  const groups: string[] = [];
  for (let rest = queue; rest.length > 0; ) {
    const admitted = admit(rest);
    assert.ok(admitted.group.length > 0);
    groups.push(admitted.group.map(({ name }) => name).join(' '));
    rest = admitted.rest;
  }
  return groups;
}

describe('createAdmission()', () => {
  it('takes what fits as it came', () => {
    assert.deepEqual(drain([...several('flood', 3), request('small1'), request('result1')], 10), [
      'flood1 flood2 flood3 small1 result1',
    ]);
  });

  it('gives turns where more waits than fits, each its own in their order', () => {
    const queue = [...several('flood', 6), request('small1'), request('small2'), request('other1')];
    assert.deepEqual(drain(queue, 3), ['flood1 small1 other1', 'flood2 small2 flood3', 'flood4 flood5 flood6']);
  });

  it('goes on with who did not fit', () => {
    const queue = [...several('flood', 3, 10), ...several('small', 3)];
    assert.deepEqual(drain(queue, 10), ['flood1', 'small1', 'flood2', 'small2', 'flood3', 'small3']);
  });

  it('leaves their places to requests that take no turns', () => {
    const queue = [request('flood1'), request('result1'), request('flood2'), request('result2'), request('small1')];
    assert.deepEqual(drain(queue, 3), ['flood1 result1 small1', 'flood2 result2']);
  });

  it('bounds a group by bytes too, and lets one that is larger go alone', () => {
    const queue = [
      request('flood1', 1, 500),
      request('flood2', 1, 60),
      request('small1', 1, 60),
      request('small2', 99),
    ];
    assert.deepEqual(drain(queue, 10), ['flood1', 'small1', 'flood2', 'small2']);
  });

  it('takes each request once, and has nobody wait for more than one of each other', () => {
    const names = fc.constantFrom('a', 'b', 'c', 'd', 'result');
    const queues = fc.array(fc.record({ name: names, items: fc.integer({ min: 0, max: 12 }) }), { maxLength: 60 });
    fc.assert(
      fc.property(queues, (given) => {
        const queue = given.map(({ name, items }, at) => request(`${name}${at}`, items));
        const order = drain(queue, 10).join(' ').split(' ').filter(Boolean);
        assert.deepEqual(order.toSorted(), queue.map(({ name }) => name).toSorted());
        const whoseAt = order.map((name) => name.replace(/\d+$/, ''));
        for (const whose of ['a', 'b', 'c', 'd']) {
          const places = [...whoseAt.keys()].filter((at) => whoseAt[at] === whose);
          const own = places.map((at) => order[at]);
          assert.deepEqual(
            own,
            queue.filter((one) => one.whose === whose).map(({ name }) => name),
          );
        }
      }),
    );
  });
});
