import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { TaskState } from '../gen/contact/v1/task_pb.ts';
import type { TaskFilterSchema } from '../gen/contact/v1/task_service_pb.ts';
import * as check from './check.ts';
import { SETTLED_STATES, type SettledState, settledStateCode } from './state.ts';

/** Which tasks: every condition that is given must hold; none: all tasks. */
export interface TaskQuery {
  /** Of one of these queues. */
  readonly queues?: readonly string[];
  /** In one of these states. */
  readonly states?: readonly ('scheduled' | 'ready' | 'running' | SettledState)[];
  readonly createdAfter?: Date;
  readonly createdBefore?: Date;
  /** Children of this broadcast. */
  readonly parentId?: string;
}

const WAITING_CODES = Object.freeze({
  scheduled: TaskState.SCHEDULED,
  ready: TaskState.READY,
  running: TaskState.RUNNING,
});

const QUERY_RULES: Readonly<Record<keyof TaskQuery, check.Check>> = Object.freeze({
  queues: check.listOf(check.name),
  states: check.listOf(check.oneOf([...Object.keys(WAITING_CODES), ...SETTLED_STATES])),
  createdAfter: check.instant,
  createdBefore: check.instant,
  parentId: check.text,
});

export function buildFilter(query: TaskQuery): MessageInitShape<typeof TaskFilterSchema> {
  check.checkFields(query, QUERY_RULES, 'filter');
  const { queues = [], states = [], createdAfter, createdBefore, parentId = '' } = query;
  return {
    queues: [...queues],
    states: states.map((state) =>
      state === 'scheduled' || state === 'ready' || state === 'running'
        ? WAITING_CODES[state]
        : settledStateCode(state),
    ),
    parentId,
    ...(createdAfter ? { createdAfter: timestampFromDate(createdAfter) } : {}),
    ...(createdBefore ? { createdBefore: timestampFromDate(createdBefore) } : {}),
  };
}
