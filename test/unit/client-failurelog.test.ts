import assert from 'node:assert/strict';
import { tellFailures } from '../../client/failurelog.ts';
import { createFakeClock } from '../scene/clock.ts';

describe('what a worker says of its failures', () => {
  const task = { taskId: 'id', queue: 'q', attempt: 2, maxAttempts: 5 };

  function open() {
    const said: string[] = [];
    const clock = createFakeClock();
    const { failed } = tellFailures({ clock, warn: (line) => void said.push(line) });
    return { said, clock, failed };
  }

  it('is a line that names the queue, the task, the attempt and the message', () => {
    const { said, failed } = open();
    failed(task, { code: '', message: 'it\nbroke \u001b[31m' });
    failed(task, { code: 'E', message: 'x'.repeat(9_000) });
    assert.deepEqual(said, [
      'task id of q failed, attempt 2 of 5: it broke  [31m',
      `task id of q failed, attempt 2 of 5: E: ${'x'.repeat(500)}`,
    ]);
  });

  it('is ten lines a second, and how many more there were', () => {
    const { said, clock, failed } = open();
    for (let n = 0; n < 25; n += 1) failed(task, { code: '', message: String(n) });
    assert.equal(said.length, 10);
    clock.advance(1_000);
    assert.deepEqual(said.slice(10), ['15 more tasks failed within a second']);
    failed(task, { code: '', message: 'again' });
    assert.equal(said.length, 12);
    clock.advance(1_000);
    assert.equal(said.length, 12);
  });
});
