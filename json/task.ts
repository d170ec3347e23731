import type { TaskLog } from '../gen/contact/v1/contact_pb.ts';
import {
  type Attempt,
  AttemptEnd,
  AttemptEndSchema,
  type Children,
  type Delivery,
  LogLevelSchema,
  type LogLine,
  type Task,
  type TaskAct,
  TaskActKindSchema,
  TaskState,
  TaskStateSchema,
} from '../gen/contact/v1/task_pb.ts';
import { errorToJson, type Problem } from './error.ts';
import { instantOf, knownInstant } from './instant.ts';
import { type Json, someNumber, someText } from './plain.ts';
import { readValue } from './value.ts';
import { waitingToJson } from './waiting.ts';
import { wordOf } from './word.ts';

/** @param isWhole of a task that is told alone, with its payload and its history; in lists the server tells neither */
export function taskToJson(task: Task, isWhole: boolean): Json {
  const { timeoutMs, contentType, resultContentType, error, waiting, children } = task;
  const isDone = task.state === TaskState.SUCCEEDED;
  return {
    id: task.id,
    queue: task.queue,
    state: wordOf(TaskStateSchema, task.state),
    priority: task.priority,
    attempt: task.attempt,
    maxAttempts: task.maxAttempts,
    delivery: task.delivery,
    lost: task.lost,
    timeoutMs: someNumber(timeoutMs),
    key: someText(task.idempotencyKey),
    target: targetOf(task),
    metadata: task.metadata,
    createdAt: knownInstant(task.createdAt),
    runAt: instantOf(task.runAt),
    expiresAt: instantOf(task.expiresAt),
    claimedAt: instantOf(task.claimedAt),
    settledAt: instantOf(task.settledAt),
    client: someText(task.clientId),
    cancelRequested: task.cancelRequested,
    contentType: someText(contentType),
    ...(isWhole && { payload: readValue(task.payload, contentType) }),
    resultContentType: someText(resultContentType),
    ...(isDone && { result: readValue(task.result, resultContentType) }),
    error: error && errorToJson(error),
    waiting: waiting && waitingToJson(waiting),
    waitingFor: someText(task.waitingFor),
    cursor: someText(task.cursor),
    parent: someText(task.parentId),
    children: children && childrenToJson(children),
    ...(isWhole && { attempts: task.attempts.map(attemptToJson), acts: task.acts.map(actToJson) }),
  };
}

function targetOf({ targetClientId, selector }: Task): Json | undefined {
  if (targetClientId !== '') return { client: targetClientId };
  return selector === '' ? undefined : { selector };
}

export function attemptToJson(attempt: Attempt): Json {
  const { error } = attempt;
  return {
    attempt: attempt.attempt,
    delivery: attempt.delivery,
    client: someText(attempt.clientId),
    claimedAt: instantOf(attempt.claimedAt),
    startedAt: instantOf(attempt.startedAt),
    endedAt: instantOf(attempt.endedAt),
    end: endName(attempt),
    untouched: attempt.untouched,
    error: error && errorToJson(error),
    backoffMs: someNumber(attempt.backoffMs),
    log: attempt.log.map(lineToJson),
  };
}

function lineToJson({ number, level, at, text }: LogLine): Json {
  return { number, level: levelName(level), at: instantOf(at), text };
}

/** A line that is told by itself. */
export function taskLogToJson(told: TaskLog): Json {
  return { ...deliveryToJson(told), ...(told.line && lineToJson(told.line)) };
}

function actToJson({ kind, at, by, reason }: TaskAct): Json {
  return {
    kind: wordOf(TaskActKindSchema, kind),
    at: knownInstant(at),
    by: someText(by),
    reason: someText(reason),
  };
}

export function childrenToJson(children: Omit<Children, '$typeName'>): Json {
  const { total, succeeded, failed, cancelled, expired } = children;
  return { total, succeeded, failed, cancelled, expired };
}

export function deliveryToJson({ taskId, delivery }: Pick<Delivery, 'taskId' | 'delivery'>) {
  return { id: taskId, delivery };
}

/** A settled task, as whoever tells of it has read it. */
export interface Settled {
  readonly taskId: string;
  readonly queue: string;
  readonly state: string;
  readonly bytes: Uint8Array;
  readonly contentType: string;
  readonly error?: Problem | null | undefined;
  readonly attempt: number;
  readonly delivery: number;
  readonly clientId: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  readonly claimedAt?: Date | null | undefined;
  readonly settledAt: Date;
  readonly cancelRequested: boolean;
  readonly cursor: string;
}

export function resultToJson(result: Settled): Json {
  const { state, error } = result;
  return {
    id: result.taskId,
    queue: result.queue,
    state,
    ...givenBack(result),
    error: error ? errorToJson(error) : undefined,
    attempt: result.attempt,
    delivery: result.delivery,
    client: someText(result.clientId),
    metadata: result.metadata,
    createdAt: result.createdAt.toISOString(),
    claimedAt: result.claimedAt?.toISOString(),
    settledAt: result.settledAt.toISOString(),
    cancelRequested: result.cancelRequested,
    cursor: result.cursor,
  };
}

/** How a task ended that was waited for. */
export function outcomeToJson(ended: Pick<Settled, 'state' | 'bytes' | 'contentType' | 'error'>): Json {
  return { state: ended.state, ...givenBack(ended), error: ended.error ? errorToJson(ended.error) : undefined };
}

function givenBack({ state, bytes, contentType }: Pick<Settled, 'state' | 'bytes' | 'contentType'>) {
  if (state !== 'succeeded') return {};
  return { result: readValue(bytes, contentType), resultContentType: someText(contentType) };
}

/** `timed_out` for ATTEMPT_END_TIMED_OUT; `running` until there is an end. */
export function endName({ end }: Pick<Attempt, 'end'>): string {
  return end === AttemptEnd.UNSPECIFIED ? 'running' : wordOf(AttemptEndSchema, end);
}

/** `warn` for LOG_LEVEL_WARN. */
export function levelName(level: LogLine['level']): string {
  return wordOf(LogLevelSchema, level);
}
