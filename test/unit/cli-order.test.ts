import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { forEachInOrder } from '../../cli/order.ts';

async function* count(end: number): AsyncGenerator<number> {
  for (let n = 1; n <= end; n += 1) yield n;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('forEachInOrder()', () => {
  it('finishes in the order of the items, whatever ends first', async () => {
    const gates = new Map<number, () => void>();
    const finished: number[] = [];
    const done = forEachInOrder(
      count(3),
      10,
      (n) => new Promise<number>((resolve) => gates.set(n, () => resolve(n))),
      (outcome) => void finished.push(outcome.status === 'fulfilled' ? outcome.value : 0),
    );
    await turn();
    for (const n of [3, 2, 1]) gates.get(n)?.();
    await done;
    assert.deepEqual(finished, [1, 2, 3]);
  });

  it('finishes while the source is silent', async () => {
    const { promise: silence, resolve: speak } = Promise.withResolvers<void>();
    const { promise: first, resolve: sawFirst } = Promise.withResolvers<number>();
    async function* source(): AsyncGenerator<number> {
      yield 1;
      await silence;
    }
    const done = forEachInOrder(
      source(),
      10,
      async (n) => n,
      (_outcome, n) => void sawFirst(n),
    );
    assert.equal(await first, 1);
    speak();
    await done;
  });

  it('starts no more than its size', async () => {
    let open = 0;
    let most = 0;
    const start = async (): Promise<void> => {
      open += 1;
      most = Math.max(most, open);
      await turn();
    };
    await forEachInOrder(count(50), 4, start, () => {
      open -= 1;
      return undefined;
    });
    assert.equal(most, 4);
  });

  it('hands failures over as values', async () => {
    const seen: string[] = [];
    const start = async (n: number): Promise<void> => assert.notEqual(n, 2);
    await forEachInOrder(count(3), 4, start, (outcome, n) => void seen.push(`${n} ${outcome.status}`));
    assert.deepEqual(seen, ['1 fulfilled', '2 rejected', '3 fulfilled']);
  });

  it('rejects with what finish throws', async () => {
    const finish = (): never => assert.fail('full');
    await assert.rejects(forEachInOrder(count(30), 4, turn, finish), /full/);
  });
});
