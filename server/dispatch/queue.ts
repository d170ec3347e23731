import { merge, Subject, type Subscription } from 'rxjs';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import { distinctLanes, isSelectorLane } from '../model/lane.ts';
import type { Delivery, LaneRef, ResultRecord, SessionRef, TaskInput } from '../model/task.ts';
import type {
  CancelOutcome,
  ClaimOutcome,
  EndedSession,
  InsertOutcome,
  OpenedSession,
  Release,
  RetryOutcome,
  SessionOpening,
  Settlement,
  SettleOutcome,
  Store,
} from '../store/store.ts';
import { type Activities, createActivities } from './activities.ts';
import { type Audience, createAddressing } from './addressing.ts';
import { BROADCAST_PARTS, type BroadcastParts, createBroadcasts } from './broadcasts.ts';
import { claimWhenWoken } from './claims.ts';
import { createDueTimer } from './due.ts';
import { createLaneTable, type Grant } from './lanes.ts';
import { createOperations, type Operations } from './operations.ts';
import { startPoll } from './poll.ts';
import type { Receiver } from './receiver.ts';
import { openResultsLog, type ResultsLog } from './results.ts';

export interface TaskQueueOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Default: BROADCAST_PARTS. */
  readonly broadcastParts?: BroadcastParts;
  /** What nobody can go on from: called once, the queue has stopped. */
  readonly onFatal: (error: unknown) => void;
}

/**
 * The nervous system: wake-ups → claim → push → settle. The store owns the tasks; this knows who draws from which
 * lane, wakes the claim when there is both work and room, and tells results to observers. All methods that answer a
 * promise answer after the commit.
 */
export interface TaskQueue {
  readonly results: ResultsLog;
  readonly activities: Activities;
  readonly operations: Operations;
  readonly store: Store;
  enqueue(tasks: readonly TaskInput[]): Promise<readonly InsertOutcome[]>;
  /**
   * One child for each client that matches; the outcome is the parent's, once its children can be claimed.
   * FAILED_PRECONDITION: none matches.
   */
  broadcast(parent: TaskInput, audience: Audience): Promise<InsertOutcome>;
  settle(settlements: readonly Settlement[]): Promise<readonly SettleOutcome[]>;
  release(releases: readonly Release[]): Promise<readonly SettleOutcome[]>;
  cancel(ids: readonly string[], reason: string): Promise<readonly CancelOutcome[]>;
  retry(ids: readonly string[]): Promise<readonly RetryOutcome[]>;
  openSession(opening: SessionOpening): Promise<OpenedSession>;
  loseSession(session: SessionRef): Promise<boolean>;
  endSession(session: SessionRef, started: readonly Delivery[] | 'all'): Promise<EndedSession>;
  /** From now on claims may be pushed to it. */
  attach(receiver: Receiver): void;
  detach(receiver: Receiver): void;
  /** It has room again. */
  feed(receiver: Receiver): void;
  isDrawn(lane: LaneRef): boolean;
  countReceivers(queue: string): number;
  /** No more claims; everything else goes on. */
  stopClaiming(): void;
  close(): Promise<void>;
}

export async function createTaskQueue(options: TaskQueueOptions): Promise<TaskQueue> {
  const { store, clock, onFatal } = options;
  const lanes = createLaneTable();
  const results = await openResultsLog(store);
  const activities = createActivities();
  const addressing = await createAddressing(store, lanes);
  const operations = await createOperations({
    store,
    lanes,
    results,
    now: clock.now,
    onReady: () => taskReady$.next(),
  });
  const taskReady$ = new Subject<void>();
  const credit$ = new Subject<void>();
  let isClaiming = true;

  const due = createDueTimer({
    clock,
    wake: (now, limit) => store.wakeTasks(now, limit),
    onReady: markReady,
    onExpired: (records) => results.append(records),
    onFatal,
  });

  const broadcasts = createBroadcasts({
    store,
    clock,
    addressing,
    parts: options.broadcastParts ?? BROADCAST_PARTS,
    onReady: markReady,
    onSettled: (records) => results.append(records),
    onDue: (at) => due.expect(at),
    onFatal,
  });

  function markReady(refs: readonly LaneRef[]): void {
    for (const ref of refs) lanes.mark(ref);
    if (lanes.hasWork()) taskReady$.next();
  }

  function absorb(ready: readonly LaneRef[], events: readonly ResultRecord[]): void {
    results.append(events);
    operations.notice();
    markReady(ready);
    // What came back may be past its expiry, which nobody expects any more.
    if (ready.length > 0) due.expect(clock.now());
  }

  function absorbSettled(outcomes: readonly SettleOutcome[]): void {
    const ready: LaneRef[] = [];
    const events: ResultRecord[] = [];
    for (const outcome of outcomes) {
      if (outcome.event) events.push(outcome.event);
      if (outcome.parent) events.push(outcome.parent);
      if (outcome.ready) ready.push(outcome.ready);
      if (outcome.scheduledAt !== undefined) due.expect(outcome.scheduledAt);
      if (outcome.expiresAt !== undefined) due.expect(outcome.expiresAt);
    }
    absorb(ready, events);
  }

  function push(grant: Grant): void {
    const { receiver, outcome } = grant;
    if (lanes.take(grant) && receiver.session.epoch === outcome.session.epoch) {
      receiver.push(outcome.tasks);
      if (activities.isWatched) activities.tellChanged(outcome.tasks.map(({ id }) => ({ taskId: id })));
    } else giveBack(outcome);
  }

  /** Claimed for a receiver that has gone since: it never saw them. Fenced, so a resume that was quicker keeps its own. */
  function giveBack({ session, tasks }: ClaimOutcome): void {
    const releases = tasks.map(
      ({ id, delivery }): Release => ({ taskId: id, delivery, session, cause: 'released', isStarted: false }),
    );
    store.releaseTasks(releases, clock.now()).then(absorbSettled, (error: unknown) => {
      // Its session row still has them: the end of that row brings them back.
      if (!(error instanceof ContactError)) onFatal(error);
    });
  }

  const wake$ = merge(taskReady$, credit$);
  const pushed$ = claimWhenWoken(wake$, { store, clock, lanes, isClaiming: () => isClaiming, push });
  const subscription: Subscription = pushed$.subscribe({ error: onFatal });
  const stopPoll = startPoll({ store, clock, lanes, onWork: () => taskReady$.next(), onFatal });
  await broadcasts.recover();

  return {
    results,
    activities,
    operations,
    store,

    async enqueue(tasks) {
      if (tasks.some(({ lane }) => isSelectorLane(lane))) await addressing.admit(tasks);
      const refs = distinctLanes(tasks);
      const now = clock.now();
      const stored = store.insertTasks(tasks, now, () => {
        // In case the insert had to wait for a later transaction than the claim.
        for (const ref of refs) lanes.inserted(ref);
        if (lanes.hasWork()) taskReady$.next();
      });
      // Woken before the commit: the claim of this turn comes after the insert, in the same transaction.
      markReady(refs);
      const outcomes = await stored;
      for (const task of tasks) {
        if (task.runAt !== null) due.expect(task.runAt);
        if (task.expiresAt !== null) due.expect(task.expiresAt);
      }
      return outcomes;
    },

    broadcast: broadcasts.insert,

    async settle(settlements) {
      const outcomes = await store.settleTasks(settlements, clock.now());
      absorbSettled(outcomes);
      activities.tellChanged(settlements);
      return outcomes;
    },

    async release(releases) {
      const outcomes = await store.releaseTasks(releases, clock.now());
      absorbSettled(outcomes);
      activities.tellChanged(releases);
      return outcomes;
    },

    async cancel(ids, reason) {
      const outcomes = await store.cancelTasks(ids, reason, clock.now());
      for (const outcome of outcomes) {
        if (outcome.kind === 'cancelled')
          results.append(outcome.parent ? [outcome.event, outcome.parent] : [outcome.event]);
      }
      activities.tellChanged(outcomes.map(({ id }) => ({ taskId: id })));
      return outcomes;
    },

    async retry(ids) {
      const outcomes = await store.retryTasks(ids, clock.now());
      markReady(outcomes.flatMap((outcome) => (outcome.kind === 'ready' ? [outcome.lane] : [])));
      activities.tellChanged(outcomes.map(({ id }) => ({ taskId: id })));
      return outcomes;
    },

    async openSession(opening) {
      const opened = await store.openSession(opening, clock.now());
      absorb(opened.ready, opened.events);
      return opened;
    },

    loseSession: (session) => store.loseSession(session, clock.now()),

    async endSession(session, started) {
      const ended = await store.endSession(session, started, clock.now());
      absorb(ended.ready, ended.events);
      return ended;
    },

    attach(receiver) {
      lanes.attach(receiver, addressing.lanesFor(receiver));
      taskReady$.next();
    },

    detach: (receiver) => lanes.detach(receiver),

    feed(receiver) {
      lanes.feed(receiver);
      if (lanes.hasWork()) credit$.next();
    },

    isDrawn: (lane) => lanes.isDrawn(lane),
    countReceivers: (queue) => lanes.countReceivers(queue),

    stopClaiming() {
      isClaiming = false;
    },

    async close() {
      isClaiming = false;
      stopPoll();
      broadcasts.close();
      due.close();
      subscription.unsubscribe();
      results.close();
      activities.close();
      await store.close();
    },
  };
}
