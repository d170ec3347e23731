import type { StoreObserver } from './observed.ts';
import type { FreshLimits } from './sqlite/fresh/fresh.ts';

/** How much a store takes. */
export interface StoreBounds {
  /** Tasks that wait, ready or scheduled, in all queues together. Default: 10,000,000. */
  readonly maxWaitingTasks?: number;
  /** Of those, tasks of one principal. Default: 5,000,000. */
  readonly maxWaitingTasksPerPrincipal?: number;
  /** Principals that have any. Default: 100,000. */
  readonly maxPrincipals?: number;
  /** Names of queues that have tasks or settings. Default: 100,000. */
  readonly maxQueues?: number;
  /** Of those, names that came to be by one principal. Default: 50,000. */
  readonly maxQueuesPerPrincipal?: number;
  /** Named clients that are remembered while they are away. Default: 10,000. */
  readonly maxNamedClients?: number;
  /** Of those, clients that came by one principal. Default: 5,000. */
  readonly maxNamedClientsPerPrincipal?: number;
  /** Kinds of failures that are told apart. Default: 10,000. */
  readonly maxFailureKinds?: number;
}

/** What every store is opened with. */
export interface StoreOptions {
  /** This server process's node name. */
  readonly node: string;
  /** Bytes of free disk below which new tasks are refused. Default 64 MiB. */
  readonly minFreeBytes?: number;
  /** How much disk is free, asked at most once a second. Default: the file system's answer. */
  readonly freeBytes?: () => number;
  /** What to do when a commit failed in a way that leaves the disk's content unknown. Default: exit 70. */
  readonly onFatal?: (error: unknown) => void;
  /** Hears of all that is committed. Default: nobody. */
  readonly observer?: StoreObserver;
  /** Told what an operator should know when the store has been opened. */
  readonly onNotice?: (message: string) => void;
  /** Clients will come, so what needs descriptors or threads later is made ready when the store is opened. */
  readonly isServed?: boolean;
  /**
   * How much of what is new SQLite keeps in memory beside the file's own rows. Default: 100,000 tasks that wait, 16,384
   * that run.
   */
  readonly fresh?: FreshLimits;
  readonly bounds?: StoreBounds;
}

/** What a store is, for operators. */
export interface StoreCapabilities {
  readonly kind: 'sqlite' | 'postgres' | 'model';
  /** Whether the store survives the process. */
  readonly isDurable: boolean;
  /** Whether several nodes may share the store. */
  readonly isShared: boolean;
}
