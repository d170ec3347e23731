import type { BroadcastStore } from './broadcasts.ts';
import type { ClientStore } from './clients.ts';
import type { DeliveryStore } from './deliveries.ts';
import type { StoreCapabilities } from './options.ts';
import type { QueueStore } from './queues.ts';
import type { ResultStore } from './results.ts';
import type { SessionStore } from './sessions.ts';
import type { Signals } from './signals.ts';
import type { TaskStore } from './tasks.ts';

/**
 * The Store port: what dispatch needs of durable memory, named as a task's life. Every operation is a batch, has one
 * outcome per item in the order given, and resolves only after its commit: what it answered survives power loss.
 *
 * Group commit: operations of one event-loop turn, or that arrive while a commit is under way, form the next
 * transaction, in the order settles and checkpoints, releases, sessions, inserts, the rest, claims - so that a task can
 * be claimed in the commit that stores it. A transaction takes at most 2,000 items or 8 MiB, in order of arrival (one
 * larger batch goes alone), and as much again for its claims. Bytes that are given are read until the answer; an event
 * may carry the very bytes of its settlement.
 * A refused item changes nothing. When the disk is full or the file locked an operation rejects with
 * ContactError RESOURCE_EXHAUSTED / UNAVAILABLE and changed nothing; any other I/O error on COMMIT ends the process.
 */
export interface Store
  extends TaskStore,
    DeliveryStore,
    SessionStore,
    ResultStore,
    QueueStore,
    ClientStore,
    BroadcastStore {
  readonly capabilities: StoreCapabilities;
  /** Changes when the store was restored or failed over; part of every cursor. [a-z0-9]{1,32} */
  readonly epoch: string;
  /** What changed by each commit, for whoever did not ask for it. */
  readonly signals$: Signals;

  /** Waits for what is under way, then closes. */
  close(): Promise<void>;
}
