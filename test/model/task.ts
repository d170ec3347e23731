import type { AttemptRecord } from '../../server/model/attempt.ts';
import type { ChildCounts } from '../../server/model/broadcast.ts';
import type { Owner } from '../../server/model/owner.ts';
import type {
  LaneRef,
  ResultRecord,
  SessionRef,
  SettledState,
  TaskError,
  TaskInput,
  TaskRecord,
  TaskState,
} from '../../server/model/task.ts';
import type { TaskActRecord } from '../../server/model/taskact.ts';
import type { LogRecord } from '../../server/model/tasklog.ts';

/** How the newest delivery ended. */
export type Ended = 'none' | 'lost' | 'lost and burnt' | 'failed' | 'timed out' | 'released' | 'redriven';

/** A task of the model store: one plain object, changed in place. */
export interface ModelTask {
  readonly input: TaskInput;
  readonly createdAt: number;
  /** It was ready from the beginning. */
  readonly wasReady: boolean;
  state: TaskState;
  seq: number;
  delivery: number;
  burnt: number;
  lost: number;
  ended: Ended;
  /** Of the last attempt that failed. */
  lastError: string | null;
  /** Who had the delivery that was lost. */
  owner: Owner | null;
  runAt: number | null;
  expiresAt: number | null;
  session: number | null;
  claimedAt: number | null;
  cancelReason: string | null;
  checkpoint: Uint8Array | null;
  /** The broadcast that it counts for, until it settled once. */
  countsFor: string | null;
  /** Whom a broadcast is for; null: it is none. */
  audience: string | null;
  /** Of the parent of a broadcast. */
  counts: ChildCounts | null;
  phase: 'open' | 'filling' | 'opening';
  /** The node that fills it, of the parent of a broadcast that was not whole. */
  filledBy: string | null;
  /** When the children that it holds are due, once it is open. */
  childRunAt: number | null;
  /** How its deliveries ended that did not succeed. */
  attempts: readonly AttemptRecord[];
  /** What somebody did to it. */
  acts: readonly TaskActRecord[];
  /** What its workers said. */
  log: readonly LogRecord[];
  results: { readonly record: ResultRecord; readonly isTold: boolean; toldBy?: string }[];
}

export interface ModelSession {
  readonly key: number;
  epoch: number;
  secretHash: string;
  namedHash: string | null;
  subject: string;
  readonly clientId: string;
  isNamed: boolean;
  node: string;
  isLost: boolean;
}

export function laneOf(task: ModelTask): LaneRef {
  return { queue: task.input.queue, lane: task.input.lane };
}

export function whyExpired({ ended, state, burnt, lastError }: ModelTask): string {
  const error = lastError || '';
  if (ended === 'failed' || ended === 'timed out') {
    const what = state === 'scheduled' ? 'expired while backing off' : 'nobody took it again in time';
    return `${what} after attempt ${burnt}${error && `: ${error}`}`;
  }
  const known = error === '' || error.startsWith('it was given back') ? '' : `; the last error was: ${error}`;
  if (ended === 'released') return `it was given back, and nobody took it again in time${known}`;
  if (ended.startsWith('lost')) return `its worker was lost, and nobody took it again in time${known}`;
  return `nobody took it in time${known}`;
}

export function hasSettled(task: ModelTask): boolean {
  return task.state !== 'ready' && task.state !== 'running' && task.state !== 'scheduled';
}

export function noteAct(task: ModelTask, act: TaskActRecord): void {
  task.acts = [...task.acts, act].slice(-20);
}

/** Same in everything but the instants (and the id, which an idempotency key stands in for). */
export function isSameContent(a: TaskInput, b: TaskInput): boolean {
  const content = ({ id: _id, runAt: _at, expiresAt: _end, createdBy: _by, payload, metadata, ...rest }: TaskInput) =>
    JSON.stringify([
      Object.entries(rest).sort(([x], [y]) => (x < y ? -1 : 1)),
      Object.entries(metadata).sort(([x], [y]) => (x < y ? -1 : 1)),
      Buffer.from(payload).toString('hex'),
    ]);
  return content(a) === content(b);
}

export interface End {
  readonly state: SettledState;
  readonly clientId: string;
  readonly attempt: number;
  readonly isTold: boolean;
  readonly error: TaskError | null;
  readonly result?: Uint8Array;
  readonly contentType?: string;
}

export function settleTask(task: ModelTask, end: End, position: number, now: number): ResultRecord {
  const record: ResultRecord = {
    position,
    taskId: task.input.id,
    queue: task.input.queue,
    state: end.state,
    result: Uint8Array.from(end.result ?? []),
    contentType: end.contentType ?? '',
    error: end.error,
    attempt: end.attempt,
    delivery: task.delivery,
    clientId: end.clientId,
    createdAt: task.createdAt,
    claimedAt: task.claimedAt,
    settledAt: now,
    metadata: task.input.metadata,
    cancelRequested: task.cancelReason !== null || end.state === 'cancelled',
    parentId: task.input.parentId,
  };
  task.results.push({ record, isTold: end.isTold });
  Object.assign(task, { state: end.state, session: null, runAt: null, cancelReason: null });
  if (end.state !== 'failed') task.checkpoint = null;
  return record;
}

export function describe(task: ModelTask, sessions: ReadonlyMap<number, ModelSession>): TaskRecord {
  const settled = hasSettled(task) ? task.results.at(-1)!.record : null;
  return {
    ...task.input,
    expiresAt: task.expiresAt,
    state: task.state,
    createdAt: task.createdAt,
    runAt: task.runAt,
    attempt: settled?.attempt ?? task.burnt + (task.state === 'running' ? 1 : 0),
    delivery: task.delivery,
    lost: task.lost,
    lastError: settled ? null : task.lastError,
    cancelRequested: settled?.cancelRequested ?? task.cancelReason !== null,
    clientId: settled?.clientId ?? sessions.get(task.session ?? 0)?.clientId ?? '',
    claimedAt: settled ? settled.claimedAt : task.state === 'running' ? task.claimedAt : null,
    settled,
  };
}

export function refOf({ key, epoch }: ModelSession): SessionRef {
  return { key, epoch };
}
