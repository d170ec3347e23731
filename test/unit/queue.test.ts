import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createTaskQueue } from '../../server/dispatch/queue.ts';
import type { ClaimedTask } from '../../server/model/task.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { systemClock } from '../../shared/clock.ts';
import { openSession } from '../scene/deliveries.ts';
import { createFolder } from '../scene/folder.ts';
import { freeStanding } from '../scene/receiver.ts';
import { createTask, Q } from '../scene/tasks.ts';

describe('createTaskQueue()', () => {
  it('claims once for each task of a worker that waits for one', async () => {
    const folder = createFolder();
    const real = await openStore(`sqlite:${join(folder, 'contact.db')}`, { node: 'n' });
    let claims = 0;
    const store: Store = {
      ...real,
      claimTasks: (...args) => {
        claims += 1;
        return real.claimTasks(...args);
      },
    };
    const queue = await createTaskQueue({
      store,
      node: 'test',
      clock: systemClock,
      onFatal: (error) => assert.fail(String(error)),
    });
    const pushed: ClaimedTask[] = [];
    let onPushed: (() => void) | undefined;
    queue.attach({
      session: (await openSession(store)).session,
      clientId: 'client',
      queues: [Q.queue],
      labels: {},
      capacity: () => ({ limit: 1_000, maxBytes: 1 << 20, mayExceed: true }),
      standing: freeStanding,
      push: (tasks) => {
        pushed.push(...tasks);
        onPushed?.();
      },
    });
    await new Promise((resolve) => setTimeout(resolve, 1));
    claims = 0;
    const TASKS = 20;
    for (let count = 0; count < TASKS; count += 1) {
      const arrived = new Promise<void>((resolve) => {
        onPushed = resolve;
      });
      await queue.enqueue([createTask()]);
      await arrived;
      // Time enough for whatever does not wait.
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    }
    assert.deepEqual([pushed.length, claims], [TASKS, TASKS]);
    await queue.close();
    rmSync(folder, { recursive: true });
  });
});
