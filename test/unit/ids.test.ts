import assert from 'node:assert/strict';
import { isTaskId, newTaskId } from '../../shared/ids.ts';

/** Over a good many pools of random bytes and, on any machine, several milliseconds. */
const COUNT = 50_000;

describe('newTaskId()', () => {
  const realNow = Date.now;
  afterEach(() => {
    Date.now = realNow;
  });

  it('draws UUIDv7s that differ and that grow', () => {
    const ids = Array.from({ length: COUNT }, newTaskId);
    assert.ok(ids.every(isTaskId));
    assert.equal(new Set(ids).size, COUNT);
    assert.deepEqual(ids.toSorted(), ids);
  });

  it('tells the time', () => {
    const before = Date.now();
    const told = Number.parseInt(newTaskId().replaceAll('-', '').slice(0, 12), 16);
    assert.ok(told >= before && told <= Date.now() + 1, `${told - before} ms`);
  });

  it('grows while the clock stands still or goes back', () => {
    const first = newTaskId();
    Date.now = () => realNow() - 3_600_000;
    const ids = [first, ...Array.from({ length: COUNT }, newTaskId)];
    assert.equal(new Set(ids).size, COUNT + 1);
    assert.deepEqual(ids.toSorted(), ids);
  });

  it('leaves the last digits to chance', () => {
    const tails = new Set(Array.from({ length: COUNT }, () => newTaskId().slice(24)));
    assert.equal(tails.size, COUNT);
  });
});

describe('isTaskId()', () => {
  const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  const characters = '0123456789abcdefgABF-_/:`\u00e9\u0000\u4e00';

  it('takes what RFC 9562 describes, and nothing that differs in one place', () => {
    const id = newTaskId();
    for (let at = 0; at < id.length; at++) {
      for (const character of characters) {
        const text = id.slice(0, at) + character + id.slice(at + 1);
        assert.equal(isTaskId(text), pattern.test(text), text);
      }
    }
  });

  it('takes no shorter and no longer text', () => {
    const id = newTaskId();
    for (const text of ['', id.slice(1), id.slice(0, -1), `${id}0`, `${id}\n`]) assert.equal(isTaskId(text), false);
  });
});
