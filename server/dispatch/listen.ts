import type { Observable, Subscription } from 'rxjs';
import type { Delivery, SessionRef } from '../model/task.ts';
import type { Signal, Signals } from '../store/signals.ts';
import type { Activities } from './activities.ts';
import type { DueTimer } from './due.ts';
import type { LaneTable } from './lanes.ts';
import type { Operations } from './operations.ts';
import type { ResultsLog } from './results.ts';

/** What is to be done about a session, whoever asked for it and on whichever node. */
export type SessionOrder =
  /** The delivery is to be cancelled, for the reason that is stored. */
  | ({ readonly kind: 'cancel'; readonly reason: string } & Delivery)
  /** These deliveries have ended by what another node was told. */
  | { readonly kind: 'ended'; readonly deliveries: readonly Delivery[] }
  /** The client has come back to this session at another node, where it goes on with this epoch. */
  | { readonly kind: 'resumed'; readonly session: SessionRef }
  /** Another session of the same client has the place of this one. */
  | { readonly kind: 'replaced'; readonly session: SessionRef }
  | ({ readonly kind: 'drain' } & Omit<Extract<Signal, { kind: 'clientDrained' }>, 'kind'>);

/** Emits inside the commit that the order comes from, before its caller is answered. One subscriber. */
export type SessionOrders = Observable<SessionOrder>;

export interface ListenOptions {
  readonly lanes: LaneTable;
  readonly due: DueTimer;
  readonly results: ResultsLog;
  readonly operations: Operations;
  readonly activities: Activities;
  readonly order: (order: SessionOrder) => void;
  /** Lanes have tasks for receivers with capacity. */
  readonly onReady: () => void;
  readonly onFatal: (error: unknown) => void;
}

/**
 * The one place where the store's signals become acts of dispatch. A signal may be late or doubled: marking a lane that
 * is empty costs a claim that finds nothing, an instant or a result that is known already changes nothing. It may be
 * lost: the poll looks for lanes, instants, settings and results by itself (see poll.ts).
 */
export function listenToStore(signals$: Signals, options: ListenOptions): Subscription {
  const { lanes, due, results, operations, activities, order, onReady, onFatal } = options;

  function take(signal: Signal): void {
    switch (signal.kind) {
      case 'inserted':
        signal.lanes.forEach(lanes.inserted);
        wake();
        break;
      case 'ready':
        signal.lanes.forEach(lanes.mark);
        wake();
        break;
      case 'due':
        due.expect(signal.at);
        break;
      case 'settled':
        results.append(signal.records);
        break;
      case 'runsEnded':
        if (operations.markLimited()) wake();
        break;
      case 'changed':
        activities.tellChanged(signal.tasks);
        break;
      case 'logged':
        activities.tellLogged(signal.tasks);
        break;
      case 'deleted':
        results.forget(signal.taskIds);
        break;
      case 'cancelRequested': {
        const { taskId, delivery, reason } = signal;
        order({ kind: 'cancel', taskId, delivery, reason });
        break;
      }
      case 'deliveriesEnded':
        order({ kind: 'ended', deliveries: signal.deliveries });
        break;
      case 'sessionResumed':
        order({ kind: 'resumed', session: signal.session });
        break;
      case 'sessionReplaced':
        order({ kind: 'replaced', session: signal.session });
        break;
      case 'queueSet':
        operations.learn(signal.settings);
        wake();
        break;
      case 'epochChanged':
        results.restart().catch(onFatal);
        break;
      case 'clientDrained':
        order({ ...signal, kind: 'drain' });
        break;
      // Who may call is no affair of dispatch.
      case 'credentialsChanged':
    }
  }

  function wake(): void {
    if (lanes.hasWork()) onReady();
  }

  return signals$.subscribe((signals) => {
    try {
      for (const signal of signals) take(signal);
    } catch (error) {
      // The store goes on with its commit, but nobody can vouch for what this has left half done.
      onFatal(error);
    }
  });
}
