import type { ResultRecord, TaskInput } from './task.ts';

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

/** What the payloads of durable calls are. */
export const CALL_TYPE = 'application/protobuf';

const METHOD = /^[A-Za-z0-9_.]+\/[A-Za-z0-9_]+$/;

/** A call that is kept is a task like any other: of the queue that is named as its method, with a message for payload. */
export function isKeptCall({ queue, contentType }: Pick<TaskInput, 'queue' | 'contentType'>): boolean {
  return contentType === CALL_TYPE && METHOD.test(queue);
}
