import type { ChildCounts } from '../model/broadcast.ts';
import type { QueueScope } from '../model/caller.ts';
import type { BroadcastInput, LaneRef, SettledRecord, TaskInput } from '../model/task.ts';
import type { InsertOutcome } from './tasks.ts';

/** Children of a broadcast that are inserted at once. */
export const MAX_CHILDREN = 10_000;

/** Payload bytes of children that are inserted at once, all together, since that is one commit. */
export const MAX_BROADCAST_BYTES = 256 << 20;

/** Broadcasts: a parent, and a child for each client. The rules of store.ts hold. */
export interface BroadcastStore {
  /**
   * A parent and its children, all or nothing, in one commit whatever its size; then claims see the children.
   * The parent is ready in lane `p:`, which no claim takes from, and has no instants of its own, whatever it is given:
   * its children have. It is settled in the commit that settles its last child, right after that child:
   * succeeded when all succeeded, else cancelled when its cancel was asked for, else failed (code CHILDREN). Its
   * result holds counts only (JSON, as ChildCounts). A child counts when it settles for the first time: a redrive of a
   * failed one changes neither the counts nor the parent. A parent is not redriven itself.
   * Children must have new ids; they name the parent in `parentId`, and wait in its queue's limits like any task.
   * A repeated parent id (or idempotency key) with the same content, its audience included, is `deduplicated`, whatever
   * the children are. A parent from before audiences were stored is compared without.
   * FAILED_PRECONDITION: no children; INVALID_ARGUMENT: more than MAX_CHILDREN or MAX_BROADCAST_BYTES; else as
   * insertTasks, whose `tasks[0]` is the broadcast.
   *
   * `filledBy` (default null: it is whole) names the node that adds more: the broadcast is filling. Until it is opened
   * they are held: scheduled, without an instant, so neither due nor claimed; the first child's instant will be that of
   * all. They may be cancelled, purged and expire, but the parent is not settled before it is open.
   */
  insertBroadcast(
    parent: BroadcastInput,
    children: readonly TaskInput[],
    now: number,
    filledBy?: string | null,
  ): Promise<InsertOutcome>;

  /**
   * More children of a broadcast that is filling, held too. FAILED_PRECONDITION: it is not; else as insertBroadcast.
   */
  extendBroadcast(parentId: string, children: readonly TaskInput[], now: number): Promise<void>;

  /**
   * All children are in: ends the holding of at most `limit` of them, in their order. They become ready, or are
   * scheduled, or cancelled when the parent's cancel was asked for. From the first call on the broadcast is opening,
   * and to be opened by further calls whatever happens; the one that leaves none held opens it.
   */
  openBroadcast(parentId: string, limit: number, now: number): Promise<OpenedBroadcast>;

  /**
   * Takes back a broadcast that is filling: at most `limit` of the children that it holds, and with the last of them
   * the parent. Children that are settled stay. True: nothing is left to take back, or it is not filling (any more).
   */
  abandonBroadcast(parentId: string, limit: number): Promise<boolean>;

  /**
   * Broadcasts that are not open yet and are this node's to open or to abandon: those that it fills, or left when its
   * process before ended, and those of nodes that are gone for good. A store that several nodes share gives the latter
   * to a node that lives; a file has one process at a time, so whoever opens it has what is left there, of whatever
   * node.
   */
  listUnopened(node: string): Promise<readonly UnopenedBroadcast[]>;

  /** How far a broadcast is; undefined: not a broadcast, or not of a queue in the scope (default: every queue). */
  countChildren(parentId: string, scope?: QueueScope): Promise<ChildCounts | undefined>;
}

export interface OpenedBroadcast {
  /** Lanes where children became ready. */
  readonly ready: readonly LaneRef[];
  /** Children that were cancelled; and the parent, when all its children were settled before it was open. */
  readonly events: readonly SettledRecord[];
  /** Whether the broadcast is open: no child is held any more. */
  readonly isOpen: boolean;
  /** When children that were scheduled become due; null: none was. */
  readonly dueAt: number | null;
}

export interface UnopenedBroadcast {
  readonly parentId: string;
  /** Whether the children are all in; false: the broadcast is filling. */
  readonly isOpening: boolean;
}
