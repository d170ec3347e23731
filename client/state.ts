import { TaskState } from '../gen/contact/v1/task_pb.ts';

/** Settled states as the SDK names them. */
export type SettledState = 'succeeded' | 'failed' | 'cancelled' | 'expired';

/** How many tasks, by state. */
export type TaskCounts = Readonly<Record<'scheduled' | 'ready' | 'running' | SettledState, number>>;

const CODES: Readonly<Record<SettledState, TaskState>> = Object.freeze({
  succeeded: TaskState.SUCCEEDED,
  failed: TaskState.FAILED,
  cancelled: TaskState.CANCELLED,
  expired: TaskState.EXPIRED,
});
const NAMES: ReadonlyMap<TaskState, SettledState> = new Map(
  Object.entries(CODES).map(([name, code]) => [code, name as SettledState]),
);

export const SETTLED_STATES: readonly string[] = Object.freeze(Object.keys(CODES));

export function settledStateCode(state: SettledState): TaskState {
  return CODES[state];
}

/** A state that a newer server may know and this SDK does not counts as failed. */
export function settledStateOf(code: TaskState): SettledState {
  return NAMES.get(code) ?? 'failed';
}
