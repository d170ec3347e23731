import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { TaskFilterSchema, TaskState } from '../../gen/index.ts';
import { readFilter, readSettledStates } from '../../server/api/views.ts';

describe('a filter', () => {
  it('has each queue and each state once', () => {
    const filter = create(TaskFilterSchema, {
      queues: ['a', 'b', 'a'],
      states: [TaskState.READY, TaskState.FAILED, TaskState.READY],
    });
    assert.deepEqual(readFilter(filter), { queues: ['a', 'b'], states: ['ready', 'failed'] });
  });

  it('takes at most 1,000 queues', () => {
    const queues = Array.from({ length: 1_001 }, (_, n) => `q${n}`);
    assert.throws(() => readFilter(create(TaskFilterSchema, { queues })), {
      code: 'INVALID_ARGUMENT',
      message: 'filter.queues: at most 1000, got 1001',
    });
  });

  it('of results names the state that does not settle a task by its place', () => {
    const states = [TaskState.FAILED, TaskState.FAILED, TaskState.RUNNING];
    assert.throws(() => readSettledStates('states', states), {
      message: 'states[2]: expected a settled state, got running',
    });
  });
});
