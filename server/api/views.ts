import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  AttemptEnd,
  type AttemptSchema,
  type ChildrenSchema,
  LogLevel,
  type LogLineSchema,
  type ResultEventSchema,
  TaskActKind,
  type TaskActSchema,
  type TaskErrorSchema,
  type TaskSchema,
  TaskState,
  type Waiting,
} from '../../gen/index.ts';
import type { AttemptRecord } from '../model/attempt.ts';
import type { ChildCounts } from '../model/broadcast.ts';
import { clientIdOf, isClientLane, isSelectorLane, selectorOf } from '../model/lane.ts';
import type { ResultRecord, TaskState as State, TaskError, TaskRecord } from '../model/task.ts';
import type { TaskActRecord } from '../model/taskact.ts';
import type { LogLevel as Level, LogLine, LogRecord } from '../model/tasklog.ts';
import type { DescribedTask } from '../store/tasks.ts';

export const STATES: Readonly<Record<State, TaskState>> = {
  scheduled: TaskState.SCHEDULED,
  ready: TaskState.READY,
  running: TaskState.RUNNING,
  succeeded: TaskState.SUCCEEDED,
  failed: TaskState.FAILED,
  cancelled: TaskState.CANCELLED,
  expired: TaskState.EXPIRED,
};

export function writeState(state: State): TaskState {
  return STATES[state];
}

const bytes = (view: Uint8Array): Uint8Array<ArrayBuffer> => view as Uint8Array<ArrayBuffer>;

export function writeResult(record: ResultRecord, cursor: string): MessageInitShape<typeof ResultEventSchema> {
  return {
    cursor,
    taskId: record.taskId,
    queue: record.queue,
    state: STATES[record.state],
    result: bytes(record.result),
    contentType: record.contentType,
    ...(record.error ? { error: writeError(record.error) } : {}),
    attempt: record.attempt,
    delivery: record.delivery,
    clientId: record.clientId,
    createdAt: timestampFromMs(record.createdAt),
    settledAt: timestampFromMs(record.settledAt),
    ...(record.claimedAt === null ? {} : { claimedAt: timestampFromMs(record.claimedAt) }),
    metadata: record.metadata,
    cancelRequested: record.cancelRequested,
    parentId: record.parentId ?? '',
  };
}

function writeError({ details, ...said }: TaskError): MessageInitShape<typeof TaskErrorSchema> {
  return details ? { ...said, details: bytes(details) } : said;
}

/** What a task went through. */
type History = Pick<DescribedTask, 'attempts' | 'acts' | 'log'>;

export interface TaskViewOptions {
  readonly withPayload: boolean;
  readonly waitingFor: string;
  readonly waiting: Waiting | undefined;
  /** The counts of a broadcast. */
  readonly children?: ChildCounts;
  /** Of a task that is told alone. */
  readonly history?: History;
  readonly cursorAt: (position: number) => string;
}

export function writeTask(record: TaskRecord, options: TaskViewOptions): MessageInitShape<typeof TaskSchema> {
  const { lane, settled } = record;
  return {
    id: record.id,
    queue: record.queue,
    state: STATES[record.state],
    ...(options.withPayload ? { payload: bytes(record.payload) } : {}),
    contentType: record.contentType,
    metadata: record.metadata,
    priority: record.priority,
    attempt: record.attempt,
    maxAttempts: record.maxAttempts,
    delivery: record.delivery,
    lost: record.lost,
    timeoutMs: record.timeoutMs,
    idempotencyKey: record.idempotencyKey ?? '',
    targetClientId: isClientLane(lane) ? clientIdOf(lane) : '',
    selector: isSelectorLane(lane) ? selectorOf(lane) : '',
    createdAt: timestampFromMs(record.createdAt),
    ...(record.runAt === null ? {} : { runAt: timestampFromMs(record.runAt) }),
    ...(record.expiresAt === null ? {} : { expiresAt: timestampFromMs(record.expiresAt) }),
    clientId: record.clientId,
    ...(record.claimedAt === null ? {} : { claimedAt: timestampFromMs(record.claimedAt) }),
    cancelRequested: record.cancelRequested,
    waitingFor: options.waitingFor,
    ...(options.waiting && { waiting: options.waiting }),
    parentId: record.parentId ?? '',
    ...(options.children ? { children: writeChildren(options.children) } : {}),
    ...(options.history ? writeHistory(options.history) : {}),
    ...(record.lastError ? { error: { message: record.lastError } } : {}),
    ...(settled
      ? {
          settledAt: timestampFromMs(settled.settledAt),
          clientId: settled.clientId,
          result: bytes(settled.result),
          resultContentType: settled.contentType,
          ...(settled.error ? { error: writeError(settled.error) } : {}),
          cursor: options.cursorAt(settled.position),
        }
      : {}),
  };
}

const ENDS: Readonly<Record<NonNullable<AttemptRecord['end']>, AttemptEnd>> = {
  succeeded: AttemptEnd.SUCCEEDED,
  failed: AttemptEnd.FAILED,
  timedOut: AttemptEnd.TIMED_OUT,
  lost: AttemptEnd.LOST,
  released: AttemptEnd.RELEASED,
  cancelled: AttemptEnd.CANCELLED,
};

const LEVELS: Readonly<Record<Level, LogLevel>> = {
  debug: LogLevel.DEBUG,
  info: LogLevel.INFO,
  warn: LogLevel.WARN,
  error: LogLevel.ERROR,
};

export function writeLine({ number, level, at, text }: LogLine): MessageInitShape<typeof LogLineSchema> {
  return { number, level: LEVELS[level], at: timestampFromMs(at), text };
}

function writeAttempt(attempt: AttemptRecord, log: readonly LogRecord[]): MessageInitShape<typeof AttemptSchema> {
  const { claimedAt, startedAt, endedAt, end, error } = attempt;
  return {
    attempt: attempt.attempt,
    delivery: attempt.delivery,
    clientId: attempt.clientId,
    ...(claimedAt === null ? {} : { claimedAt: timestampFromMs(claimedAt) }),
    ...(startedAt === null ? {} : { startedAt: timestampFromMs(startedAt) }),
    ...(endedAt === null ? {} : { endedAt: timestampFromMs(endedAt) }),
    end: end === null ? AttemptEnd.UNSPECIFIED : ENDS[end],
    untouched: attempt.isUntouched,
    ...(error ? { error: writeError(error) } : {}),
    backoffMs: attempt.backoffMs,
    log: log.filter(({ delivery }) => delivery === attempt.delivery).map(writeLine),
  };
}

function writeHistory({ attempts, acts, log }: History) {
  return { attempts: attempts.map((one) => writeAttempt(one, log)), acts: acts.map(writeAct) };
}

function writeAct({ kind, at, by, reason }: TaskActRecord): MessageInitShape<typeof TaskActSchema> {
  const number = kind === 'cancelled' ? TaskActKind.CANCELLED : TaskActKind.REDRIVEN;
  return { kind: number, at: timestampFromMs(at), by, reason };
}

function writeChildren({ children, ...counts }: ChildCounts): MessageInitShape<typeof ChildrenSchema> {
  return { total: children, ...counts };
}
