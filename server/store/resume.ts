import type { Delivery } from '../model/task.ts';

/** A session that comes back to the one before. */
export interface SessionResume {
  readonly previousHash: string;
  readonly holding: readonly Delivery[];
  /** Deliveries that count as begun: one that is not in `holding` is lost. Others never arrived. Default: none. */
  readonly started?: readonly Delivery[];
}
