import type { SettledState } from './state.ts';

/** What TaskFailure says beside its message. */
export interface TaskFailureAdvice {
  /** Names the kind of failure for programs; cut at 64 bytes. Default: none. */
  readonly code?: string;
  /**
   * Whether and when to run the task again: `policy` (default), by its attempts and backoff; `never`; or, while it has
   * attempts, after so many milliseconds.
   */
  readonly retry?: 'policy' | 'never' | { readonly afterMs: number };
  /** Bytes of a `google.rpc.Status`, kept with the failure; more than 4,096 are left out. Default: none. */
  readonly details?: Uint8Array;
  /** What it came of, as of any error: its stack is kept with the attempt too. */
  readonly cause?: unknown;
}

/** Why a task did not succeed, as its worker or the server has said it. */
export interface TaskProblem {
  /** Names the kind of failure for programs; empty: nobody did. */
  readonly code: string;
  /** For people; at most 4 KiB. */
  readonly message: string;
  /** Bytes of a `google.rpc.Status`; absent: none. */
  readonly details?: Uint8Array;
}

/**
 * Thrown by a handler that has something to say about its failure; any other error is a failure by the policy.
 * @example
 * throw new TaskFailure('no such customer', { code: 'UNKNOWN_CUSTOMER', retry: 'never' });
 */
export class TaskFailure extends Error {
  /** As it was given; empty: none was. */
  readonly code: string;
  /** As it was given, else `policy`. */
  readonly retry: 'policy' | 'never' | { readonly afterMs: number };
  /** As they were given. */
  readonly details: Uint8Array | undefined;

  constructor(message: string, advice: TaskFailureAdvice = {}) {
    // What a handler has to say about its failure is not lost by a mistake in how it says it.
    const { code, retry, details, cause } = (advice as TaskFailureAdvice | null) ?? {};
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'TaskFailure';
    this.code = code ?? '';
    this.retry = retry ?? 'policy';
    this.details = details;
  }
}

/** A failure that somebody else has met: where the SDK has made it tells nobody anything. */
export function relayFailure(message: string, advice: TaskFailureAdvice): TaskFailure {
  return Object.assign(new TaskFailure(message, advice), { stack: '' });
}

/** What TaskRelease says beside its reason. */
export interface TaskReleaseAdvice {
  /**
   * Milliseconds for which this worker takes no new tasks: its credit is 0, what runs goes on. Default 2,000; 0: the
   * server's brake alone.
   */
  readonly pauseMs?: number;
}

const RELEASE_PAUSE_MS = 2_000;

/**
 * Thrown by a handler that has done nothing and cannot now: the task goes back to the queue, no attempt burnt, and to
 * whoever can. So that it does not come back at once, the worker pauses.
 * @example
 * throw new TaskRelease('the device is busy', { pauseMs: 10_000 });
 */
export class TaskRelease extends Error {
  /** Milliseconds for which the worker takes nothing new. */
  readonly pauseMs: number;

  constructor(reason: string, advice: TaskReleaseAdvice = {}) {
    super(reason);
    this.name = 'TaskRelease';
    // A pause of a wrong kind is no wish to have none.
    const { pauseMs } = (advice as TaskReleaseAdvice | null) ?? {};
    this.pauseMs = typeof pauseMs === 'number' && !Number.isNaN(pauseMs) ? pauseMs : RELEASE_PAUSE_MS;
  }
}

/**
 * What `call()` rejects with when its task was settled without a result.
 * @example
 * if (error instanceof TaskFailed && error.state === 'failed') console.log(error.taskId, error.error?.code);
 */
export class TaskFailed extends Error {
  /** UUIDv7 in lower case; `contact tasks show` has what became of it. */
  readonly taskId: string;
  /** `failed`, `cancelled` or `expired`. */
  readonly state: SettledState;
  /** What the worker or the server has said; null: nobody said anything. */
  readonly error: TaskProblem | null;

  constructor(taskId: string, state: SettledState, error: TaskProblem | null) {
    super(error?.message ? `task ${taskId} ${state}: ${error.message}` : `task ${taskId} ${state}`);
    this.name = 'TaskFailed';
    this.taskId = taskId;
    this.state = state;
    this.error = error;
  }
}
