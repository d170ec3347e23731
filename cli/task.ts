import { toJson } from '@bufbuild/protobuf';
import { type Task, TaskSchema, TaskState, TaskStateSchema } from '../gen/contact/v1/task_pb.ts';
import { readValue } from './value.ts';

const NO_BYTES = new Uint8Array();

/** A task as `tasks list` and `tasks show` print it: proto3 JSON names, the state as a word, bytes as values. */
export function taskToJson(task: Task): Record<string, unknown> {
  const {
    payload: _payload,
    result: _result,
    ...fields
  } = toJson(TaskSchema, { ...task, payload: NO_BYTES, result: NO_BYTES }, { alwaysEmitImplicit: true }) as Record<
    string,
    unknown
  >;
  return {
    ...fields,
    state: stateName(task.state),
    ...(task.contentType || task.payload.length > 0 ? { payload: readValue(task.payload, task.contentType) } : {}),
    ...(task.state === TaskState.SUCCEEDED ? { result: readValue(task.result, task.resultContentType) } : {}),
  };
}

/** `running` for TASK_STATE_RUNNING. */
export function stateName(state: TaskState): string {
  return TaskStateSchema.value[state]?.localName.toLowerCase() ?? `state ${state}`;
}

/** The states as people write them. */
export const STATES = ['scheduled', 'ready', 'running', 'succeeded', 'failed', 'cancelled', 'expired'] as const;
