import assert from 'node:assert/strict';
import { isSettled, nextState, TRANSITIONS, type Transition } from '../../server/model/states.ts';
import type { TaskState } from '../../server/model/task.ts';

const STATES = Object.keys(TRANSITIONS) as TaskState[];

describe('nextState()', () => {
  it('follows a task through its usual life', () => {
    const life: [TaskState, Transition, TaskState][] = [
      ['scheduled', 'due', 'ready'],
      ['ready', 'claimed', 'running'],
      ['running', 'retried', 'scheduled'],
      ['running', 'released', 'ready'],
      ['running', 'lost', 'ready'],
      ['ready', 'adopted', 'running'],
      ['running', 'succeeded', 'succeeded'],
      ['running', 'failed', 'failed'],
      ['failed', 'redriven', 'ready'],
    ];
    for (const [from, transition, to] of life) assert.equal(nextState(from, transition), to);
  });

  it('takes a late result of a ready task', () => {
    assert.equal(nextState('ready', 'succeeded'), 'succeeded');
    assert.equal(nextState('ready', 'failed'), 'failed');
  });

  it('cancels whatever is not settled, and expires what waits', () => {
    for (const state of STATES) {
      const isWaiting = state === 'ready' || state === 'scheduled';
      assert.equal(nextState(state, 'cancelled'), isSettled(state) ? undefined : 'cancelled');
      assert.equal(nextState(state, 'expired'), isWaiting ? 'expired' : undefined);
    }
  });

  it('leaves a settled state by redriving a failed task only', () => {
    const ways = STATES.filter(isSettled).flatMap((state) =>
      Object.keys(TRANSITIONS[state]).map((transition) => `${state} ${transition}`),
    );
    assert.deepEqual(ways, ['failed redriven']);
  });

  it('refuses what the table does not name', () => {
    assert.equal(nextState('scheduled', 'claimed'), undefined);
    assert.equal(nextState('scheduled', 'succeeded'), undefined);
    assert.equal(nextState('running', 'claimed'), undefined);
    assert.equal(nextState('ready', 'lost'), undefined);
  });

  it('reaches every state from an inserted task', () => {
    const reached = new Set<TaskState>(['ready', 'scheduled']);
    for (const state of reached) for (const to of Object.values(TRANSITIONS[state])) reached.add(to);
    assert.deepEqual([...reached].sort(), [...STATES].sort());
  });
});

describe('isSettled()', () => {
  it('is true for the four ends', () => {
    assert.deepEqual(STATES.filter(isSettled).sort(), ['cancelled', 'expired', 'failed', 'succeeded']);
  });
});
