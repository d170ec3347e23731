import { toJson } from '@bufbuild/protobuf';
import {
  type Attempt,
  AttemptEnd,
  AttemptEndSchema,
  AttemptSchema,
  type Children,
  type Task,
  type TaskError,
  TaskSchema,
  TaskState,
  TaskStateSchema,
} from '../gen/contact/v1/task_pb.ts';
import { actToJson } from './taskacts.ts';
import { lineToJson } from './tasklog.ts';
import { readValue } from './value.ts';
import { waitingToJson } from './waiting.ts';

const NO_BYTES = new Uint8Array();

/** A task as `tasks list` and `tasks show` print it: proto3 JSON names, the state as a word, bytes as values. */
export function taskToJson(task: Task): Record<string, unknown> {
  const {
    payload: _payload,
    result: _result,
    error: _error,
    attempts: _attempts,
    acts: _acts,
    waiting: _waiting,
    ...fields
  } = toJson(TaskSchema, { ...task, payload: NO_BYTES, result: NO_BYTES }, { alwaysEmitImplicit: true }) as Record<
    string,
    unknown
  >;
  return {
    ...fields,
    ...(task.error ? { error: errorToJson(task.error) } : {}),
    ...(task.attempts.length > 0 ? { attempts: task.attempts.map(attemptToJson) } : {}),
    ...(task.acts.length > 0 ? { acts: task.acts.map(actToJson) } : {}),
    ...(task.waiting ? { waiting: waitingToJson(task.waiting) } : {}),
    state: stateName(task.state),
    ...(task.contentType || task.payload.length > 0 ? { payload: readValue(task.payload, task.contentType) } : {}),
    ...(task.state === TaskState.SUCCEEDED ? { result: readValue(task.result, task.resultContentType) } : {}),
  };
}

/** An attempt with its end as a word; `running` until it has one. */
export function attemptToJson(attempt: Attempt): Record<string, unknown> {
  const told = { ...attempt, error: undefined, log: [] };
  const fields = toJson(AttemptSchema, told, { alwaysEmitImplicit: true }) as object;
  const error = attempt.error ? { error: errorToJson(attempt.error) } : {};
  return { ...fields, end: endName(attempt), ...error, log: attempt.log.map(lineToJson) };
}

/** What nobody has said of an error is left out. */
function errorToJson(error: TaskError): Record<string, unknown> {
  const { message, code, details, detail } = error;
  return {
    message,
    code,
    ...(details.length > 0 ? { details: Buffer.from(details).toString('base64') } : {}),
    ...(detail === '' ? {} : { detail }),
  };
}

/** `timed_out` for ATTEMPT_END_TIMED_OUT. */
export function endName({ end }: Pick<Attempt, 'end'>): string {
  if (end === AttemptEnd.UNSPECIFIED) return 'running';
  return AttemptEndSchema.value[end]?.name.replace('ATTEMPT_END_', '').toLowerCase() ?? `end ${end}`;
}

/** `running` for TASK_STATE_RUNNING. */
export function stateName(state: TaskState): string {
  return TaskStateSchema.value[state]?.localName.toLowerCase() ?? `state ${state}`;
}

/** The states as people write them. */
export const STATES = ['scheduled', 'ready', 'running', 'succeeded', 'failed', 'cancelled', 'expired'] as const;

export function isSettledState(state: TaskState): boolean {
  return state >= TaskState.SUCCEEDED;
}

/** `5: 3 succeeded, 1 failed, 1 not settled` */
export function describeChildren({ total, succeeded, failed, cancelled, expired }: Children): string {
  const open = total - succeeded - failed - cancelled - expired;
  const counts = describeCounts({ succeeded, failed, cancelled, expired, 'not settled': open });
  return counts === '' ? String(total) : `${total}: ${counts}`;
}

/** `3 succeeded, 1 failed`; what is 0 is left out. */
export function describeCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count.toLocaleString('en')} ${name}`)
    .join(', ');
}

/** `CODE: message`, or what there is of both. */
export function describeError(error: { readonly code: string; readonly message: string } | null | undefined): string {
  return [error?.code, error?.message].filter(Boolean).join(': ');
}

/** `1 task`, `2 tasks` */
export function countTasks(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'task' : 'tasks'}`;
}
