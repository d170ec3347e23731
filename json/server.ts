import type { Failure, FailureGroup, GetServerInfoResponse, StoreSpace } from '../gen/contact/v1/admin_service_pb.ts';
import { errorToJson } from './error.ts';
import { instantOf, knownInstant } from './instant.ts';
import { type Json, someNumber, someText } from './plain.ts';
import { retentionToJson } from './queue.ts';

export function serverToJson(info: GetServerInfoResponse): Json {
  const { limits, intervals, retention, space } = info;
  return {
    version: info.version,
    revision: info.revision,
    now: instantOf(info.now),
    node: someText(info.node),
    store: someText(info.store),
    startedAt: instantOf(info.startedAt),
    sessions: info.sessions,
    limits: limits && withoutType(limits),
    intervals: intervals && withoutType(intervals),
    trouble: someText(info.trouble),
    limitsUsed: info.limitsUsed.map(({ name, used, max }) => ({ limit: name, used: Number(used), max: Number(max) })),
    limitsReached: Object.fromEntries(Object.entries(info.limitsReached).map(([name, count]) => [name, Number(count)])),
    space: space && spaceToJson(space),
    observerLag: Number(info.observerLag),
    authenticated: info.authenticated,
    certificateExpiresAt: instantOf(info.certificateExpiresAt),
    retention: retention && retentionToJson(retention),
    maxFiles: someNumber(info.maxFiles),
    fileProblems: info.fileProblems.map(withoutType),
  };
}

/** A message whose fields are those of its JSON. */
function withoutType<T extends { readonly $typeName: string; readonly $unknown?: unknown }>({
  $typeName: _,
  $unknown: _unknown,
  ...fields
}: T): Omit<T, '$typeName' | '$unknown'> {
  return fields;
}

function spaceToJson({ database, log, free, minFree }: StoreSpace): Json {
  return {
    databaseBytes: Number(database),
    logBytes: Number(log),
    freeBytes: Number(free),
    minFreeBytes: Number(minFree),
  };
}

export function failureGroupToJson(group: FailureGroup): Json {
  const { code, pattern, newest } = group;
  return {
    error: code === '' && pattern === '' ? undefined : errorToJson({ code, message: pattern }),
    client: someText(group.clientId),
    queue: someText(group.queue),
    count: Number(group.count),
    finalCount: Number(group.finalCount),
    // Every group has one.
    newest: failureToJson(newest!),
    tasks: group.taskIds,
  };
}

function failureToJson(failure: Failure): Json {
  return {
    task: failure.taskId,
    queue: failure.queue,
    client: someText(failure.clientId),
    delivery: failure.delivery,
    failedAt: knownInstant(failure.failedAt),
    error: errorToJson(failure),
  };
}
