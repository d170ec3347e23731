import { merge, Subject, type Subscription } from 'rxjs';
import type { Clock } from '../../shared/clock.ts';
import type { QueueScope } from '../model/caller.ts';
import { distinctLanes, isSelectorLane } from '../model/lane.ts';
import { FOREVER, type Retention } from '../model/retention.ts';
import { isSettled } from '../model/states.ts';
import type { Delivery, LaneRef, SessionRef, TaskInput } from '../model/task.ts';
import type { ClaimOutcome, Release, Settlement, SettleOutcome } from '../store/deliveries.ts';
import { retryAfterMs } from '../store/failure.ts';
import type { EndedSession, OpenedSession, SessionOpening } from '../store/sessions.ts';
import type { Store } from '../store/store.ts';
import type { CancelOutcome, InsertOutcome, RedriveOutcome } from '../store/tasks.ts';
import { type Activities, createActivities } from './activities.ts';
import { type Audience, createAddressing } from './addressing.ts';
import { BROADCAST_PARTS, type BroadcastParts, createBroadcasts } from './broadcasts.ts';
import { actOnFound } from './bulk.ts';
import { claimWhenWoken } from './claims.ts';
import { createDeleteQueue, type DeleteQueue } from './deletion.ts';
import { createDueTimer } from './due.ts';
import { createLaneTable, type Grant } from './lanes.ts';
import { listenToStore, type SessionOrder, type SessionOrders } from './listen.ts';
import { createOperations, type Operations } from './operations.ts';
import { POLL_MS, startPoll } from './poll.ts';
import { startPruning } from './pruning.ts';
import type { Receiver } from './receiver.ts';
import { openResultsLog, type ResultsLog } from './results.ts';
import type { SelectorBounds } from './selectors.ts';
import { traceClaims } from './tracing.ts';

export interface TaskQueueOptions {
  readonly store: Store;
  /** The name of this process among those that share the store. */
  readonly node: string;
  readonly clock: Clock;
  /** Default: BROADCAST_PARTS. */
  readonly broadcastParts?: BroadcastParts;
  /** How long settled tasks are kept of queues that do not say it; default: for ever. */
  readonly retention?: Retention;
  /** Told at most once a minute how many settled tasks the retention has forgotten since. */
  readonly onPruned?: (count: number) => void;
  /** Whose shares of selectors are whose. */
  readonly selectors?: SelectorBounds;
  /** Between two looks for what no signal told of. Default: POLL_MS. */
  readonly pollMs?: number;
  /** Called once, when the queue cannot go on and has stopped. */
  readonly onFatal: (error: unknown) => void;
}

/**
 * The nervous system: wake-ups → claim → push → settle. The store owns the tasks; this knows who draws from which lane,
 * wakes the claim when there are both tasks and capacity, and tells results to observers. All methods that answer a
 * promise answer after the commit.
 */
export interface TaskQueue {
  readonly results: ResultsLog;
  readonly activities: Activities;
  readonly operations: Operations;
  /** What sessions have to do, whoever asked for it. */
  readonly orders$: SessionOrders;
  enqueue(tasks: readonly TaskInput[]): Promise<readonly InsertOutcome[]>;
  /**
   * One child for each client that matches; the outcome is the parent's, once its children can be claimed.
   * FAILED_PRECONDITION: none matches.
   */
  broadcast(parent: TaskInput, audience: Audience): Promise<InsertOutcome>;
  settle(settlements: readonly Settlement[]): Promise<readonly SettleOutcome[]>;
  release(releases: readonly Release[]): Promise<readonly SettleOutcome[]>;
  /**
   * @param by whose act it is
   * @param scope a task of a queue outside it is not found; default: every queue
   * @param isOrder as of the store's `cancelTasks`
   */
  cancel(
    ids: readonly string[],
    reason: string,
    by: string,
    scope?: QueueScope,
    isOrder?: boolean,
  ): Promise<readonly CancelOutcome[]>;
  redrive(ids: readonly string[], by: string, scope?: QueueScope): Promise<readonly RedriveOutcome[]>;
  readonly deleteQueue: DeleteQueue;
  openSession(opening: SessionOpening): Promise<OpenedSession>;
  loseSession(session: SessionRef): Promise<boolean>;
  endSession(session: SessionRef, started: readonly Delivery[] | 'all'): Promise<EndedSession>;
  /** From now on claims may be pushed to it. */
  attach(receiver: Receiver): void;
  detach(receiver: Receiver): void;
  /** The receiver has capacity again. */
  freed(receiver: Receiver): void;
  /** Those who draw from a lane, and all that are connected: read at once, or not. */
  drawersOf(lane: LaneRef): Iterable<Receiver>;
  receivers(): Iterable<Receiver>;
  countReceivers(queue: string): number;
  /** Whether somebody draws from the queue. */
  isServed(queue: string): boolean;
  /** Whether tasks are given out: false once the server goes. */
  readonly isClaiming: boolean;
  /** Queues that somebody draws from. */
  servedQueues(): Iterable<string>;
  /** No more claims; everything else goes on. */
  stopClaiming(): void;
  close(): Promise<void>;
}

export async function createTaskQueue(options: TaskQueueOptions): Promise<TaskQueue> {
  const { store, node, clock, retention = FOREVER, onFatal, onPruned = () => undefined } = options;
  const lanes = createLaneTable();
  const results = await openResultsLog(store);
  const activities = createActivities();
  const addressing = await createAddressing(store, lanes, options.selectors);
  const operations = await createOperations({
    store,
    lanes,
    now: clock.now,
    retention,
    onReady: () => taskReady$.next(),
  });
  const taskReady$ = new Subject<void>();
  const credit$ = new Subject<void>();
  let isClaiming = true;

  const due = createDueTimer({ clock, wake: (now, limit) => store.wakeTasks(now, limit), onFatal });
  const orders$ = new Subject<SessionOrder>();
  const parts = options.broadcastParts ?? BROADCAST_PARTS;
  const broadcasts = createBroadcasts({ store, node, clock, addressing, parts, onFatal });
  const listening = listenToStore(store.signals$, {
    lanes,
    due,
    results,
    operations,
    activities,
    order: (order) => orders$.next(order),
    onReady: () => taskReady$.next(),
    onFatal,
  });

  function push(grant: Grant): void {
    const { receiver, outcome } = grant;
    if (lanes.take(grant) && receiver.session.epoch === outcome.session.epoch) {
      receiver.push(outcome.tasks);
      if (activities.isWatched) activities.tellChanged(outcome.tasks.map(({ id }) => ({ taskId: id })));
    } else giveBack(outcome);
  }

  /**
   * Gives back tasks whose receiver has gone and never saw them. Fenced, so a resume that was quicker keeps its own.
   */
  function giveBack({ session, tasks }: ClaimOutcome): void {
    const releases = tasks.map(
      ({ id, delivery }): Release => ({ taskId: id, delivery, session, cause: 'released', isStarted: false }),
    );
    store
      .releaseTasks(releases, clock.now())
      // The session row still has what was refused for now: the end of that row brings it back.
      .catch(retryAfterMs)
      .catch(onFatal);
  }

  async function cancel(
    ids: readonly string[],
    reason: string,
    by: string,
    scope?: QueueScope,
    isOrder = true,
  ): Promise<readonly CancelOutcome[]> {
    const outcomes: CancelOutcome[] = [];
    for (const outcome of await store.cancelTasks(ids, reason, clock.now(), scope, by, isOrder)) {
      outcomes.push(outcome.kind === 'children' ? await cancelChildren(outcome.id, reason, by) : outcome);
    }
    return outcomes;
  }

  /** A broadcast ends with its last child. */
  async function cancelChildren(parentId: string, reason: string, by: string): Promise<CancelOutcome> {
    await actOnFound(store, { parentId }, ['ready', 'scheduled', 'running'], (some) => cancel(some, reason, by));
    const state = (await store.describeTask(parentId))?.state;
    const outcome = { id: parentId, kind: 'children' } as const;
    return state && isSettled(state) ? { ...outcome, state } : outcome;
  }

  const wake$ = merge(taskReady$, credit$);
  const pushed$ = claimWhenWoken(wake$, traceClaims({ store, clock, lanes, isClaiming: () => isClaiming, push }));
  const subscription: Subscription = pushed$.subscribe({ error: onFatal });
  const stopPoll = startPoll({
    store,
    clock,
    pollMs: options.pollMs ?? POLL_MS,
    lanes,
    due,
    operations,
    results,
    recover: store.capabilities.isShared ? broadcasts.recover : undefined,
    onWork: () => taskReady$.next(),
    onFatal,
  });
  const stopPruning = startPruning({ store, clock, retention, onFatal, onPruned });
  await broadcasts.recover();

  return {
    results,
    activities,
    operations,
    orders$,

    async enqueue(tasks) {
      if (tasks.some(({ lane }) => isSelectorLane(lane))) await addressing.admit(tasks);
      const stored = store.insertTasks(tasks, clock.now());
      // Woken before the commit: the claim of this turn comes after the insert, in the same transaction.
      distinctLanes(tasks).forEach(lanes.mark);
      if (lanes.hasWork()) taskReady$.next();
      return stored;
    },

    broadcast: broadcasts.insert,
    settle: (settlements) => store.settleTasks(settlements, clock.now()),
    release: (releases) => store.releaseTasks(releases, clock.now()),
    cancel,
    deleteQueue: createDeleteQueue({ store, findQueue: operations.findQueue, cancel, now: clock.now }),
    redrive: (ids, by, scope) => store.redriveTasks(ids, clock.now(), scope, by),
    openSession: (opening) => store.openSession(opening, clock.now()),
    loseSession: (session) => store.loseSession(session, clock.now()),
    endSession: (session, started) => store.endSession(session, started, clock.now()),

    attach(receiver) {
      lanes.attach(receiver, addressing.lanesFor(receiver));
      taskReady$.next();
    },

    detach: (receiver) => lanes.detach(receiver),

    freed(receiver) {
      lanes.freed(receiver);
      if (lanes.hasWork()) credit$.next();
    },

    drawersOf: (lane) => lanes.drawersOf(lane),
    receivers: () => lanes.receivers,
    get isClaiming() {
      return isClaiming;
    },
    countReceivers: (queue) => lanes.countReceivers(queue),
    isServed: lanes.isServed,
    servedQueues: () => lanes.servedQueues(),

    stopClaiming() {
      isClaiming = false;
    },

    async close() {
      isClaiming = false;
      stopPoll();
      stopPruning();
      broadcasts.close();
      due.close();
      subscription.unsubscribe();
      // What is under way is still told to those who wait for it.
      await store.close();
      listening.unsubscribe();
      results.close();
      activities.close();
      orders$.complete();
    },
  };
}
