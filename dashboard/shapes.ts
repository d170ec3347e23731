import type * as z from 'zod';
import type * as access from '../scripts/json/access.ts';
import type * as acts from '../scripts/json/act.ts';
import type * as client from '../scripts/json/client.ts';
import type * as history from '../scripts/json/history.ts';
import type * as queue from '../scripts/json/queue.ts';
import type * as result from '../scripts/json/result.ts';
import type * as server from '../scripts/json/server.ts';
import type * as task from '../scripts/json/task.ts';
import type * as waiting from '../scripts/json/waiting.ts';

// What the server answers with: the types that docs/json.md is drawn from.

export type Task = z.infer<typeof task.task>;
export type TaskState = z.infer<typeof task.state>;
export type Attempt = z.infer<typeof task.attempt>;
export type TaskError = z.infer<typeof waiting.taskError>;
export type TaskCounts = z.infer<typeof result.taskCounts>;
export type Result = z.infer<typeof result.result>;
export type FailureGroup = z.infer<typeof result.failureGroup>;
export type Queue = z.infer<typeof queue.queue>;
export type Client = z.infer<typeof client.client>;
export type ClientDetail = z.infer<typeof client.clientDetail>;
export type History = z.infer<typeof history.history>;
export type Server = z.infer<typeof server.server>;
export type Caller = z.infer<typeof access.caller>;
export type Credential = z.infer<typeof access.credential>;
export type Act = z.infer<typeof acts.act>;

/** What failed, in groups of what is alike. */
export interface Failures {
  readonly groups: readonly FailureGroup[];
  /** What is in no group of these. */
  readonly otherGroups: number;
  readonly otherFailures: number;
}

/** A part of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Where the list goes on; absent: that was all. */
  readonly nextPage?: string;
}

/** Which tasks: every condition that is there must hold. Instants are ISO 8601. */
export interface TaskFilter {
  readonly queues?: readonly string[];
  readonly states?: readonly string[];
  readonly errorCodes?: readonly string[];
  readonly clients?: readonly string[];
  /** `key=value` each. */
  readonly metadata?: readonly string[];
  readonly createdAfter?: string;
  readonly createdBefore?: string;
  readonly settledAfter?: string;
  readonly settledBefore?: string;
  readonly runningForMs?: number;
  readonly parent?: string;
}
