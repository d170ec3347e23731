import type { LaneRef } from '../model/task.ts';
import type { ClaimOutcome, ClaimRequest } from '../store/deliveries.ts';
import type { Receiver } from './receiver.ts';

/** Tasks that were claimed, and for whom. */
export interface Grant {
  readonly receiver: Receiver;
  readonly outcome: ClaimOutcome;
}

/**
 * Which lanes may hold tasks and who draws from them: the pure part of planning a claim.
 *
 * Only lanes that a receiver draws from are kept (a registration marks those of its lanes that nobody drew from as
 * possibly ready), so tasks for absent clients cost nothing; a client's own lanes only as long as they may hold tasks.
 * The table is bounded by sessions × (queues × selectors). A claim costs what the lanes cost that have tasks and
 * receivers with capacity, however many sessions are idle or full.
 */
export interface LaneTable {
  /** The receiver draws from these lanes too. */
  attach(receiver: Receiver, lanes: readonly LaneRef[]): void;
  detach(receiver: Receiver): void;
  /** Tasks became ready there. */
  mark(lane: LaneRef): void;
  /**
   * Tasks were inserted there and are committed. The plan that is not learned yet, if it asks there, was carried out in
   * the same transaction: its answer knows of them.
   */
  inserted(lane: LaneRef): void;
  /** All of a queue's lanes may have tasks that may be claimed. */
  markQueue(queue: string): void;
  /** Nothing of this queue is claimed until `resume`. */
  pause(queue: string): void;
  resume(queue: string): void;
  /** A receiver has capacity again. */
  freed(receiver: Receiver): void;
  /** Whether a claim could find something. */
  hasWork(): boolean;
  /** The requests of the next claim; the one before has been learned. */
  plan(): ClaimRequest[];
  /** Takes what came of the newest plan; answers who gets something, which is reserved until `take()`. */
  learn(outcomes: readonly ClaimOutcome[]): Grant[];
  /** The grant is pushed now. False: the receiver has gone since. */
  take(grant: Grant): boolean;
  isDrawn(lane: LaneRef): boolean;
  /** Who draws from it; a set that is read at once. */
  drawersOf(lane: LaneRef): Iterable<Receiver>;
  readonly receivers: Iterable<Receiver>;
  /** Queues that a receiver draws from. */
  servedQueues(): Iterable<string>;
  /** Whether a receiver draws from the queue. */
  isServed(queue: string): boolean;
  /** Receivers that draw from a queue. */
  countReceivers(queue: string): number;
}
