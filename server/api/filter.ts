import type { TaskFilter as TaskFilterMessage, TaskState } from '../../gen/index.ts';
import { invalid, invalidName } from '../../shared/errors.ts';
import { isName } from '../../shared/ids.ts';
import { isSettled } from '../model/states.ts';
import type { ResultRecord, SettledState, TaskState as State } from '../model/task.ts';
import type { TaskFilter } from '../store/tasks.ts';
import { readInstant } from './instant.ts';
import { STATES } from './views.ts';

const MAX_QUEUES = 1_000;
const MAX_CLIENTS = 1_000;
const MAX_CODES = 100;
const MAX_PAIRS = 64;

const STATE_BY_NUMBER = new Map<TaskState, State>(
  Object.entries(STATES).map(([state, number]) => [number, state as State]),
);

/** The states of a filter, each once. */
export function readStates(field: string, states: readonly TaskState[]): State[] {
  const found = new Set<State>();
  states.forEach((number, index) => {
    const state = STATE_BY_NUMBER.get(number);
    if (!state) throw invalid(`${field}[${index}]`, `no such state: ${number}`);
    found.add(state);
  });
  return [...found];
}

export function readSettledStates(field: string, states: readonly TaskState[]): SettledState[] {
  return readStates(field, states).map((state) => {
    if (isSettled(state)) return state;
    throw invalid(`${field}[${states.indexOf(STATES[state])}]`, `expected a settled state, got ${state}`);
  });
}

/** @param now by which tasks run for as long as `running_for_ms` says */
export function readFilter(filter: TaskFilterMessage | undefined, now: number): TaskFilter {
  if (!filter) return {};
  const { createdAfter, createdBefore, settledAfter, settledBefore, parentId, metadata, runningForMs } = filter;
  const queues = readQueues('filter.queues', filter.queues);
  const errorCodes = readSome('filter.error_codes', filter.errorCodes, MAX_CODES);
  const clientIds = readSome('filter.client_ids', filter.clientIds, MAX_CLIENTS);
  clientIds.forEach((id, index) => {
    if (!isName(id)) throw invalidName(`filter.client_ids[${index}]`, id);
  });
  const pairCount = Object.keys(metadata).length;
  if (pairCount > MAX_PAIRS) throw invalid('filter.metadata', `at most ${MAX_PAIRS}, got ${pairCount}`);
  return {
    ...(queues.length > 0 ? { queues } : {}),
    ...(filter.states.length > 0 ? { states: readStates('filter.states', filter.states) } : {}),
    ...(createdAfter ? { createdAfter: readInstant('filter.created_after', createdAfter) } : {}),
    ...(createdBefore ? { createdBefore: readInstant('filter.created_before', createdBefore) } : {}),
    ...(parentId !== '' ? { parentId } : {}),
    ...(settledAfter ? { settledAfter: readInstant('filter.settled_after', settledAfter) } : {}),
    ...(settledBefore ? { settledBefore: readInstant('filter.settled_before', settledBefore) } : {}),
    ...(errorCodes.length > 0 ? { errorCodes } : {}),
    ...(clientIds.length > 0 ? { clientIds } : {}),
    ...(pairCount > 0 ? { metadata } : {}),
    ...(runningForMs > 0 ? { claimedBefore: now - runningForMs } : {}),
  };
}

/** The queues of a filter, each once. */
export function readQueues(field: string, queues: readonly string[]): string[] {
  return readSome(field, queues, MAX_QUEUES);
}

function readSome(field: string, texts: readonly string[], max: number): string[] {
  if (texts.length > max) throw invalid(field, `at most ${max}, got ${texts.length}`);
  return [...new Set(texts)];
}

/** Whether a result meets every condition; one that only tasks that run can meet is met by none. */
export function meetsFilter(record: ResultRecord, filter: TaskFilter): boolean {
  const { queues, states, createdAfter, createdBefore, parentId, settledAfter, settledBefore } = filter;
  const { errorCodes, clientIds, metadata = {}, claimedBefore } = filter;
  return (
    claimedBefore === undefined &&
    (queues?.includes(record.queue) ?? true) &&
    (states?.includes(record.state) ?? true) &&
    (createdAfter === undefined || record.createdAt > createdAfter) &&
    (createdBefore === undefined || record.createdAt < createdBefore) &&
    (parentId === undefined || record.parentId === parentId) &&
    (settledAfter === undefined || record.settledAt > settledAfter) &&
    (settledBefore === undefined || record.settledAt < settledBefore) &&
    (errorCodes === undefined || (record.error !== null && errorCodes.includes(record.error.code))) &&
    (clientIds?.includes(record.clientId) ?? true) &&
    Object.entries(metadata).every(([name, value]) => record.metadata[name] === value)
  );
}
