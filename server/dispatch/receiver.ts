import type { Standing } from '../model/drawer.ts';
import type { ClaimedTask, SessionRef } from '../model/task.ts';

/** How much a receiver takes now. */
export interface Capacity {
  /** How many tasks; 0: none. */
  readonly limit: number;
  /** Payload bytes of all of them together. */
  readonly maxBytes: number;
  /** One task may be larger than that. */
  readonly mayExceed: boolean;
}

/** What dispatch needs of whoever is at the other end of a stream; `session` implements it. */
export interface Receiver {
  readonly session: SessionRef;
  readonly clientId: string;
  readonly queues: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /**
   * What the receiver takes, asked when a claim is planned; what is claimed for it and not pushed yet is not deducted.
   */
  capacity(): Capacity;
  /** What keeps it from taking more, for who asks why a task waits; changes nothing. */
  standing(): Standing;
  /** The claim is committed: these are this receiver's now. Never throws. */
  push(tasks: readonly ClaimedTask[]): void;
}
