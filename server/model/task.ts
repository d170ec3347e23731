/**
 * The words of docs/architecture.md as types. Pure: imports nothing of the layers, and every layer may import it.
 * Instants are milliseconds of the wall clock, durations milliseconds.
 */

/** Where a task stands; legal transitions are in states.ts. */
export type TaskState = 'scheduled' | 'ready' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'expired';
export type SettledState = 'succeeded' | 'failed' | 'cancelled' | 'expired';

/** Who may take a task, as text; lane.ts reads and writes it. */
export type Lane = string;

export interface LaneRef {
  readonly queue: string;
  readonly lane: Lane;
}

/** One claim of a task. The number counts from 1 and is the fence. */
export interface Delivery {
  readonly taskId: string;
  readonly delivery: number;
}

export interface TaskError {
  readonly code: string;
  readonly message: string;
  /** Bytes of a `google.rpc.Status`; absent: none. */
  readonly details?: Uint8Array;
  /** Where it came from: the stack of what a handler has thrown. Kept with the attempt alone. Absent: nobody said. */
  readonly detail?: string;
}

/** A task as it is inserted; validated and complete. Immutable afterwards. */
export interface TaskInput {
  readonly id: string;
  readonly queue: string;
  readonly lane: Lane;
  readonly payload: Uint8Array;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly priority: number;
  /** When the task becomes ready; null: at once. */
  readonly runAt: number | null;
  readonly expiresAt: number | null;
  readonly maxAttempts: number;
  /** How long an attempt may take; 0: for ever. */
  readonly timeoutMs: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  /** The caller's idempotency key, scoped to the queue; null: none. */
  readonly idempotencyKey: string | null;
  readonly parentId: string | null;
  /** The principal that enqueued it, for which it counts while it waits; empty: nobody asked who it was. */
  readonly createdBy: string;
}

/** The parent of a broadcast as it is inserted. */
export interface BroadcastInput extends TaskInput {
  /** Whom it is for, as text; broadcast.ts writes it. */
  readonly audience: string;
}

/** What a claim hands to a session. */
export interface ClaimedTask {
  readonly id: string;
  readonly queue: string;
  readonly lane: Lane;
  readonly payload: Uint8Array;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly priority: number;
  readonly delivery: number;
  /** Burnt attempts + 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly timeoutMs: number;
  readonly checkpoint: Uint8Array | null;
  /** Since when it was ready, at its first delivery, if it was from the beginning; null: nobody keeps that. */
  readonly readyAt: number | null;
}

/** One settled task in the results log. */
export interface ResultRecord extends SettledRecord {
  /** Dense, from 1; in commit order, of several nodes in the order of each. */
  readonly position: number;
}

/** One settled task, as what settled it is answered. */
export interface SettledRecord {
  /** Null: a store that several nodes share numbers it a moment later. */
  readonly position: number | null;
  readonly taskId: string;
  readonly queue: string;
  readonly state: SettledState;
  readonly result: Uint8Array;
  readonly contentType: string;
  readonly error: TaskError | null;
  readonly attempt: number;
  readonly delivery: number;
  readonly clientId: string;
  readonly createdAt: number;
  readonly claimedAt: number | null;
  readonly settledAt: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly cancelRequested: boolean;
  readonly parentId: string | null;
}

/** Everything known of one task. */
export interface TaskRecord extends Omit<TaskInput, 'runAt'> {
  readonly state: TaskState;
  readonly createdAt: number;
  /** When the task becomes ready; null: it is not scheduled. */
  readonly runAt: number | null;
  readonly attempt: number;
  readonly delivery: number;
  readonly lost: number;
  readonly cancelRequested: boolean;
  /** The client that has the task. */
  readonly clientId: string;
  /** When the delivery that runs, or that settled it, was claimed; null: it is with nobody. */
  readonly claimedAt: number | null;
  /** Of a task that is not settled: the newest error that was told of an attempt, or that one was given back. */
  readonly lastError: string | null;
  /** Null: the task is not settled. */
  readonly settled: ResultRecord | null;
}

/**
 * A session row: its key, and the epoch that grows with every resume. Both together are the fence of the server's own
 * acts.
 */
export interface SessionRef {
  readonly key: number;
  readonly epoch: number;
}
