import type { ResultRecord } from './task.ts';

/** A call that is kept until somebody has answered it. */
export interface DurableCall {
  /** `pkg.Service/Method`, which is the queue. */
  readonly method: string;
  readonly payload: Uint8Array;
  readonly metadata: Readonly<Record<string, string>>;
  readonly clientId: string | undefined;
  readonly selector: string | undefined;
  /** Of the same call that is made again; undefined: none. */
  readonly key: string | undefined;
  /** Its caller waits for no answer. */
  readonly isDetached: boolean;
}

/** A call that was stored. */
export interface StoredCall {
  readonly id: string;
  /** Never settles if nobody waits for it. */
  readonly settled: Promise<ResultRecord>;
  /** Nobody waits any more; the task goes on. */
  forget(): void;
}
