import assert from 'node:assert/strict';
import { withTimeout } from '../../server/session/timeouts.ts';

describe('withTimeout()', () => {
  const timeouts = {
    ofAll: 3,
    byQueue: new Map([
      ['q', 2],
      ['without', 0],
    ]),
  };

  it('gives a task its own timeout, or else that of its queue, or else that of all', () => {
    const of = (queue: string, timeoutMs: number): number => withTimeout({ queue, timeoutMs }, timeouts).timeoutMs;
    assert.deepEqual([of('q', 1), of('q', 0), of('other', 0), of('without', 0), of('without', 1)], [1, 2, 3, 0, 1]);
  });

  it('leaves a task as it is where nothing is said', () => {
    const task = { queue: 'q', timeoutMs: 0 };
    assert.equal(withTimeout(task, undefined), task);
    assert.equal(withTimeout(task, { ofAll: 0, byQueue: new Map() }), task);
  });
});
