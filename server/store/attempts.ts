import type { QueueScope } from '../model/caller.ts';
import type { FailureGrouping } from '../model/failure.ts';

/**
 * What is kept of attempts, over all tasks. The rules of store.ts hold. A failure is an attempt that ended in one
 * (model/failure.ts), whether its task had failed with it or was to run again; of each task the newest 20 attempts are
 * kept, as long as the task.
 */
export interface AttemptStore {
  /**
   * Failures in groups, those with the most of them first, at most `limit` groups (and 1,000). Failures of one queue
   * that are of more kinds than a store tells apart have one group without code and pattern. Those that come while it
   * counts may be in it or not.
   */
  listFailures(query: FailureQuery, limit: number, scope?: QueueScope): Promise<FailureList>;
}

export interface FailureQuery {
  readonly by: FailureGrouping;
  /** Only those after this instant. */
  readonly since?: number;
  readonly queues?: readonly string[];
}

export interface FailureList {
  readonly groups: readonly FailureGroup[];
  /** What is not among these groups. */
  readonly others: { readonly groups: number; readonly failures: number };
}

export interface FailureGroup {
  /** What all of them have in common: of grouping by error code and pattern, else the name of the client or the queue. */
  readonly common: { readonly code: string; readonly pattern: string } | { readonly name: string };
  readonly count: number;
  /** Of these, how many left their tasks failed. */
  readonly finalCount: number;
  readonly newest: Failure;
  /** Of the newest of them, each task once, the newest first. */
  readonly taskIds: readonly string[];
}

export interface Failure {
  readonly taskId: string;
  readonly queue: string;
  readonly clientId: string;
  readonly delivery: number;
  readonly endedAt: number;
  readonly code: string;
  readonly message: string;
}

/** Tasks that a group names. */
export const MAX_NAMED = 10;

/** Of so many of the newest failures of a group. */
export const MAX_NEWEST = 50;

export const MAX_GROUPS = 1_000;
