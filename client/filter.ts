import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { TaskState } from '../gen/contact/v1/task_pb.ts';
import type { TaskFilterSchema } from '../gen/contact/v1/task_service_pb.ts';
import * as check from './check.ts';
import type { TaskResult } from './result.ts';
import { SETTLED_STATES, type SettledState, settledStateCode } from './state.ts';

/** Which tasks: every condition that is given must hold; none: all tasks. */
export interface TaskQuery {
  /** Of one of these queues. */
  readonly queues?: readonly string[];
  /** In one of these states. */
  readonly states?: readonly ('scheduled' | 'ready' | 'running' | SettledState)[];
  /** Enqueued at this instant or later. */
  readonly createdAfter?: Date;
  /** Enqueued before this instant. */
  readonly createdBefore?: Date;
  /** Children of this broadcast. */
  readonly parentId?: string;
  /** Settled at this instant or later: such a condition finds settled tasks alone. */
  readonly settledAfter?: Date;
  /** Settled before this instant. */
  readonly settledBefore?: Date;
  /** Settled with an error of one of these codes. */
  readonly errorCodes?: readonly string[];
  /** That one of these clients has, or settled. */
  readonly clientIds?: readonly string[];
  /** All of these pairs are among its own. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Running for at least so many milliseconds, since its claim. */
  readonly runningForMs?: number;
}

const MAX_UINT32 = 2 ** 32 - 1;

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
  settledAfter: check.instant,
  settledBefore: check.instant,
  errorCodes: check.listOf(check.text),
  clientIds: check.listOf(check.name),
  metadata: check.recordOf(check.text),
  runningForMs: check.integer(0, MAX_UINT32),
});

/** Conditions that servers of before would pass over, as if they held. */
const NEWER = ['settledAfter', 'settledBefore', 'errorCodes', 'clientIds', 'metadata', 'runningForMs'] as const;

/** Those conditions of a query that only servers which count tasks know. */
export function newerConditions(query: TaskQuery): readonly string[] {
  return NEWER.filter((name) => query[name] !== undefined);
}

export function buildFilter(query: TaskQuery): MessageInitShape<typeof TaskFilterSchema> {
  check.checkFields(query, QUERY_RULES, 'filter');
  const { queues = [], states = [], createdAfter, createdBefore, parentId = '' } = query;
  const { settledAfter, settledBefore, errorCodes = [], clientIds = [], metadata = {}, runningForMs = 0 } = query;
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
    ...(settledAfter ? { settledAfter: timestampFromDate(settledAfter) } : {}),
    ...(settledBefore ? { settledBefore: timestampFromDate(settledBefore) } : {}),
    errorCodes: [...errorCodes],
    clientIds: [...clientIds],
    metadata: { ...metadata },
    runningForMs,
  };
}

/** Whether a result meets every condition, as the server reads them: one of before passes over those of a results filter. */
export function meetsQuery(result: TaskResult<unknown>, query: TaskQuery): boolean {
  const { queues, states, createdAfter, createdBefore, parentId, settledAfter, settledBefore } = query;
  const { errorCodes, clientIds, metadata = {}, runningForMs = 0 } = query;
  return (
    runningForMs === 0 &&
    isAmong(queues, result.queue) &&
    isAmong(states, result.state) &&
    (!createdAfter || result.createdAt > createdAfter) &&
    (!createdBefore || result.createdAt < createdBefore) &&
    (!parentId || result.parentId === parentId) &&
    (!settledAfter || result.settledAt > settledAfter) &&
    (!settledBefore || result.settledAt < settledBefore) &&
    (!errorCodes?.length || (result.error !== null && errorCodes.includes(result.error.code))) &&
    isAmong(clientIds, result.clientId) &&
    Object.entries(metadata).every(([name, value]) => result.metadata[name] === value)
  );
}

function isAmong(wanted: readonly string[] | undefined, text: string): boolean {
  return !wanted?.length || wanted.includes(text);
}
