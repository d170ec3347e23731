import assert from 'node:assert/strict';
import fc from 'fast-check';
import { detailOf } from '../../client/detail.ts';
import { relayFailure, TaskFailure } from '../../client/failure.ts';

function stacked(message: string, stack: string, cause?: unknown): Error {
  return Object.assign(new Error(message, cause === undefined ? undefined : { cause }), { stack });
}

describe('detailOf()', () => {
  it('is the stack, and those of the causes', () => {
    const root = stacked('refused', 'Error: refused\n    at connect');
    assert.equal(detailOf(root), 'Error: refused\n    at connect');
    const outer = stacked('no order', 'Error: no order\n    at handle', stacked('q', 'Error: q\n    at query', root));
    assert.equal(
      detailOf(outer),
      'Error: no order\n    at handle\nCaused by: Error: q\n    at query\nCaused by: Error: refused\n    at connect',
    );
    assert.match(
      detailOf(new TaskFailure('x', { cause: root })),
      /^TaskFailure: x\n {4}at .*\nCaused by: Error: refused/s,
    );
    assert.equal(detailOf(relayFailure('x', { cause: root })), 'Error: refused\n    at connect');
  });

  it('tells nothing of an error but its stacks', () => {
    const error = Object.assign(stacked('m', 'Error: m'), { password: 'hunter2', config: { token: 'secret' } });
    assert.equal(detailOf(error), 'Error: m');
    assert.equal(detailOf({ message: 'no error', token: 'secret' }), '');
  });

  it('has 4 KiB at most, of which each cause has its share', () => {
    const detail = detailOf(stacked('a', `a${'é'.repeat(9_000)}`, stacked('b', `b${'x'.repeat(9_000)}`)));
    assert.ok(Buffer.byteLength(detail) <= 4_096);
    const [first, second] = detail.split('\nCaused by: ');
    assert.ok(first!.startsWith('aé') && second!.startsWith('bx'));
    assert.ok(Buffer.byteLength(first!) > 2_000 && second!.length > 2_000);
    assert.equal(detail.includes('\uFFFD'), false);
  });

  it('ends where causes go round, or on and on', () => {
    const error = stacked('a', 'A');
    error.cause = stacked('b', 'B', error);
    assert.equal(detailOf(error), 'A\nCaused by: B');
    let chain = stacked('0', '0');
    for (let depth = 1; depth < 100; depth += 1) chain = stacked(String(depth), String(depth), chain);
    assert.equal(detailOf(chain).split('\nCaused by: ').length, 8);
  });

  it('never throws, and is text that the wire takes', () => {
    const fails = (): never => {
      throw new Error('no');
    };
    const traps = new Proxy({}, { get: fails, getPrototypeOf: fails, has: fails, ownKeys: fails });
    assert.equal(detailOf(traps), '');
    assert.equal(detailOf(stacked('a', 'A', traps)), 'A');
    assert.equal(detailOf(Object.defineProperty(stacked('a', 'A'), 'cause', { get: fails })), 'A');
    assert.equal(detailOf(stacked('a', 'a\0b\ud800')), 'a\uFFFDb\uFFFD');
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), (value) => {
        assert.equal(typeof detailOf(value), 'string');
      }),
    );
  });
});
