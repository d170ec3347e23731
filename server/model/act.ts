import { type Caller, hasRights, isInScope, mayAddress, mayDoEverything, nameCaller } from './caller.ts';
import type { Retention } from './retention.ts';

export const ACT_KINDS = [
  'tasks_cancelled',
  'tasks_redriven',
  'tasks_deleted',
  'queue_purged',
  'queue_paused',
  'queue_resumed',
  'queue_limited',
  'queue_retained',
  'queue_deleted',
  'client_drained',
  'client_resumed',
  'client_disconnected',
  'credential_created',
  'credential_rotated',
  'credential_revoked',
  'backed_up',
  'client_forgotten',
] as const;

export type ActKind = (typeof ACT_KINDS)[number];

/** What somebody has ordered, as it is told of to operators. */
export interface ActRecord {
  /** Its place: the newest has the largest. */
  readonly number: number;
  readonly kind: ActKind;
  /** When it was done; of several that are told as one: the first, and the last. */
  readonly firstAt: number;
  readonly at: number;
  /** Who, as `nameCaller` has it. */
  readonly by: string;
  /** Null: it is about no queue. */
  readonly queue: string | null;
  /** Null: it is about no client. */
  readonly clientId: string | null;
  readonly credential: ActCredential | null;
  /** Tasks, sessions or credentials that it changed, or how often it was done. */
  readonly count: number;
  /** The newest of these tasks, at most 10, the newest first. */
  readonly taskIds: readonly string[];
  /** The newest that was given; empty: none was. */
  readonly reason: string;
  /** What the limits of a queue are now. */
  readonly limits: ActLimits | null;
  /** How long the queue keeps settled tasks now; null: as the server's default says, or it is no such act. */
  readonly retention: Retention | null;
}

export interface ActCredential {
  readonly id: string;
  /** Whom it makes known: `token:NAME`. */
  readonly principal: string;
}

export interface ActLimits {
  readonly maxWaiting: number;
  readonly maxRunning: number;
}

/** An act as it comes: on several tasks it comes with each of them. */
export interface NewAct extends Pick<ActRecord, 'kind' | 'at' | 'by'> {
  readonly queue?: string;
  readonly clientId?: string;
  readonly credential?: ActCredential;
  /** Default: 1. */
  readonly count?: number;
  readonly taskId?: string;
  readonly reason?: string;
  readonly limits?: ActLimits;
  readonly retention?: Retention | null;
}

/** Acts that are alike are one for as long, from the first of them: programs cancel tasks one by one. */
export const TOGETHER_MS = 60_000;

/** Tasks that an act names. */
export const MAX_ACT_TASKS = 10;

/** An act that stands alone; without a number. */
export function recordOf(act: NewAct): Omit<ActRecord, 'number'> {
  const { kind, at, by, queue = null, clientId = null, credential = null, count = 1, taskId, reason = '' } = act;
  const { limits = null, retention = null } = act;
  const taskIds = taskId === undefined ? [] : [taskId];
  return { kind, firstAt: at, at, by, queue, clientId, credential, count, taskIds, reason, limits, retention };
}

/** Whether `next` is told with `before`: by the same, of the same kind, about the same, and soon enough. */
export function isTogether(before: Omit<ActRecord, 'number'>, next: Omit<ActRecord, 'number'>): boolean {
  return subjectOf(before) === subjectOf(next) && next.at - before.firstAt < TOGETHER_MS;
}

/** Who did what to what: the same text of those that are alike. */
export function subjectOf({ kind, by, ...about }: Omit<ActRecord, 'number'>): string {
  const { queue, clientId, credential, limits, retention } = about;
  return JSON.stringify([kind, by, queue, clientId, credential, limits, retention]);
}

/** Both as one. */
export function joinActs<A extends Omit<ActRecord, 'number'>>(before: A, next: Omit<ActRecord, 'number'>): A {
  return {
    ...before,
    at: Math.max(before.at, next.at),
    count: before.count + next.count,
    taskIds: [...next.taskIds, ...before.taskIds].slice(0, MAX_ACT_TASKS),
    reason: next.reason || before.reason,
  };
}

/**
 * Whether the caller is told of it: of what is about a queue or a client to operators of that, of what is about credentials, or
 * all that there is, to who may do everything, and to who did it.
 */
export function isActFor(act: ActRecord, caller: Caller): boolean {
  const { queue, clientId } = act;
  if (queue === null && clientId === null) return mayDoEverything(caller) || act.by === nameCaller(caller);
  return hasRights(
    caller,
    (part) =>
      part.roles.has('operator') &&
      (queue === null || isInScope(part.scope, queue)) &&
      (clientId === null || mayAddress(part, clientId)),
  );
}
