import type { ContactError } from '../../shared/errors.ts';
import type { LimitUse } from '../model/figures.ts';
import type { ActStore } from './acts.ts';
import type { AttemptStore } from './attempts.ts';
import type { Backup } from './backup.ts';
import type { BroadcastStore } from './broadcasts.ts';
import type { ClientStore } from './clients.ts';
import type { CredentialStore } from './credentials.ts';
import type { DeliveryStore } from './deliveries.ts';
import type { HistoryStore } from './history.ts';
import type { StoreCapabilities } from './options.ts';
import type { QueueStore } from './queues.ts';
import type { ResultStore } from './results.ts';
import type { SessionStore } from './sessions.ts';
import type { Signals } from './signals.ts';
import type { StoreSpace } from './space.ts';
import type { TaskStore } from './tasks.ts';

/**
 * The Store port: what dispatch needs of durable memory, named as a task's life. Every operation is a batch, has one
 * outcome per item in the order given, and resolves only after its commit: what it answered survives power loss.
 * Several nodes may have one store; docs/decisions/0017 says of each operation how that is kept, and what it promises
 * then.
 *
 * Group commit: operations of one event-loop turn, or that arrive while a commit is under way, form the next commit, in
 * the order settles and checkpoints, releases, sessions, inserts, the rest, claims - so that a task can be claimed in
 * the commit that stores it. A store bounds what it takes into one, in order of arrival, and of inserts
 * by turns of their principals; a larger batch goes alone.
 * Bytes that are given are read until the answer; an event may carry the very bytes of its settlement. A refused item
 * changes nothing. When the store cannot write for now an operation rejects with ContactError RESOURCE_EXHAUSTED /
 * UNAVAILABLE and changed nothing; when nobody knows what is stored, the process ends.
 *
 * `now` is the caller's wall clock. A store with a clock of its own, such as that of a database which several nodes
 * share, may use that in its place: instants in answers are then the store's. Callers rely on them to set a timer and
 * for nothing else: one that is early finds nothing and asks again, one that is late is caught by the next poll.
 */
export interface Store
  extends TaskStore,
    DeliveryStore,
    SessionStore,
    ResultStore,
    QueueStore,
    AttemptStore,
    ClientStore,
    BroadcastStore,
    CredentialStore,
    ActStore,
    HistoryStore {
  readonly capabilities: StoreCapabilities;
  /**
   * Names one history of positions, and is part of every cursor. [a-z0-9]{1,32} Another one when the store was
   * restored, or, while it is open, failed over with a loss: then the signal `epochChanged` tells.
   */
  readonly epoch: string;
  /** What changed by each commit, for whoever did not ask for it. */
  readonly signals$: Signals;

  /**
   * Copies all that is committed now, beside whatever else goes on. FAILED_PRECONDITION: a store that is in memory, or
   * whose database has tools of its own for that. RESOURCE_EXHAUSTED: not for now, and why.
   */
  backUp(signal: AbortSignal): Promise<Backup>;

  /**
   * Why new tasks would be refused now, as far as is known without a try: too little disk is free, or what was tried a
   * moment ago could not be written. Undefined: they would be taken. Cheap enough to be asked every second.
   */
  refusal(): ContactError | undefined;

  /** Why what was tried a moment ago could not be written; undefined: it could. Until then nothing is given out either. */
  writeFailure(): ContactError | undefined;

  /** What it takes of its disk; undefined: it has none of its own. As cheap. */
  space(): StoreSpace | undefined;

  /** How much is used of what all tasks and queues together may have. As cheap. */
  usage(): readonly LimitUse[];

  /** Waits for what is under way, then closes. */
  close(): Promise<void>;
}
