import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { TaskFilterSchema, TaskState } from '../../gen/index.ts';
import { readFilter, readSettledStates } from '../../server/api/filter.ts';

describe('a filter', () => {
  it('has each queue and each state once', () => {
    const filter = create(TaskFilterSchema, {
      queues: ['a', 'b', 'a'],
      states: [TaskState.READY, TaskState.FAILED, TaskState.READY],
    });
    assert.deepEqual(readFilter(filter, 0), { queues: ['a', 'b'], states: ['ready', 'failed'] });
  });

  it('takes at most 1,000 queues', () => {
    const queues = Array.from({ length: 1_001 }, (_, n) => `q${n}`);
    assert.throws(() => readFilter(create(TaskFilterSchema, { queues }), 0), {
      code: 'INVALID_ARGUMENT',
      message: 'filter.queues: at most 1000, got 1001',
    });
  });

  it('takes at most so many clients, codes and pairs', () => {
    const texts = (count: number) => Array.from({ length: count }, (_, n) => `c${n}`);
    const pairs = (count: number) => Object.fromEntries(texts(count).map((name) => [name, '']));
    const most = { clientIds: texts(1_000), errorCodes: texts(100), metadata: pairs(64) };
    assert.deepEqual(readFilter(create(TaskFilterSchema, most), 0), most);
    const refused = [
      [{ clientIds: texts(1_001) }, 'filter.client_ids: at most 1000, got 1001'],
      [{ errorCodes: texts(101) }, 'filter.error_codes: at most 100, got 101'],
      [{ metadata: pairs(65) }, 'filter.metadata: at most 64, got 65'],
    ] as const;
    for (const [filter, message] of refused)
      assert.throws(() => readFilter(create(TaskFilterSchema, filter), 0), { code: 'INVALID_ARGUMENT', message });
  });

  it('counts back from now for how long a task runs', () => {
    assert.deepEqual(readFilter(create(TaskFilterSchema, { runningForMs: 40 }), 100), { claimedBefore: 60 });
  });

  it('of results names the state that does not settle a task by its place', () => {
    const states = [TaskState.FAILED, TaskState.FAILED, TaskState.RUNNING];
    assert.throws(() => readSettledStates('states', states), {
      message: 'states[2]: expected a settled state, got running',
    });
  });
});
