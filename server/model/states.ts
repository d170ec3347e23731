import type { SettledState, TaskState } from './task.ts';

/** What moves a task from one state to the next. */
export type Transition =
  | 'due'
  | 'claimed'
  | 'adopted'
  | 'succeeded'
  | 'failed'
  | 'retried'
  | 'released'
  | 'lost'
  | 'cancelled'
  | 'expired'
  | 'redriven';

/** The one table of legal transitions; docs/states.md is drawn from it. A missing entry is illegal. */
export const TRANSITIONS: Readonly<Record<TaskState, Readonly<Partial<Record<Transition, TaskState>>>>> = Object.freeze(
  {
    scheduled: { due: 'ready', cancelled: 'cancelled', expired: 'expired' },
    ready: {
      claimed: 'running',
      adopted: 'running',
      // A late result of the newest delivery, when only the loss of its session ended it; or a parent's last child.
      succeeded: 'succeeded',
      failed: 'failed',
      retried: 'scheduled',
      cancelled: 'cancelled',
      expired: 'expired',
    },
    running: {
      succeeded: 'succeeded',
      failed: 'failed',
      retried: 'scheduled',
      released: 'ready',
      lost: 'ready',
      cancelled: 'cancelled',
    },
    succeeded: {},
    failed: { redriven: 'ready' },
    cancelled: {},
    expired: {},
  },
);

export function nextState(state: TaskState, transition: Transition): TaskState | undefined {
  return TRANSITIONS[state][transition];
}

export function isSettled(state: TaskState): state is SettledState {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled' || state === 'expired';
}

/**
 * Whether another task may take over its idempotency key: it ended without success and will never run again. A failed
 * one may be redriven, and whoever asks for one that succeeded has what was asked for.
 */
export function isKeyFree(state: TaskState): boolean {
  return state === 'cancelled' || state === 'expired';
}
