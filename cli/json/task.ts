import type { TaskResult } from '../../client/index.ts';
import type { TaskLog } from '../../gen/contact/v1/contact_pb.ts';
import {
  type Attempt,
  type Children,
  type Delivery,
  type LogLine,
  type Task,
  type TaskAct,
  TaskActKindSchema,
  TaskState,
  TaskStateSchema,
} from '../../gen/contact/v1/task_pb.ts';
import { endName } from '../task.ts';
import { levelName } from '../tasklog.ts';
import { readValue } from '../value.ts';
import { wordOf } from '../word.ts';
import { errorToJson } from './error.ts';
import { instantOf, knownInstant } from './instant.ts';
import { type Json, someNumber, someText } from './plain.ts';
import { waitingToJson } from './waiting.ts';

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

export function resultToJson(result: TaskResult): Json {
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
export function outcomeToJson(ended: Pick<TaskResult, 'state' | 'bytes' | 'contentType' | 'error'>): Json {
  return { state: ended.state, ...givenBack(ended), error: ended.error ? errorToJson(ended.error) : undefined };
}

function givenBack({ state, bytes, contentType }: Pick<TaskResult, 'state' | 'bytes' | 'contentType'>) {
  if (state !== 'succeeded') return {};
  return { result: readValue(bytes, contentType), resultContentType: someText(contentType) };
}
