import assert from 'node:assert/strict';
import { Subject } from 'rxjs';
import { type ListenOptions, listenToStore } from '../../server/dispatch/listen.ts';
import type { Signal } from '../../server/store/signals.ts';

describe('listenToStore()', () => {
  const BUG = new TypeError('a bug of ours');
  const cancel = {
    kind: 'cancelRequested',
    session: { key: 1, epoch: 1 },
    taskId: 't',
    delivery: 1,
    reason: '',
  } as const;

  it('ends the server with what throws in it, and lets the commit go on that told', () => {
    const fatal: unknown[] = [];
    const signals = new Subject<readonly Signal[]>();
    const after: (readonly Signal[])[] = [];
    const order = (): never => {
      throw BUG;
    };
    const options: Pick<ListenOptions, 'order' | 'onFatal'> = { order, onFatal: (error) => void fatal.push(error) };
    listenToStore(signals, options as ListenOptions);
    signals.subscribe((given) => after.push(given));
    signals.next([cancel]);
    assert.deepEqual([fatal, after], [[BUG], [[cancel]]]);
  });
});
