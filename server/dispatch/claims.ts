import { concatMap, merge, type Observable, Subject, tap } from 'rxjs';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import type { DeliveryStore } from '../store/deliveries.ts';
import type { Grant, LaneTable } from './lanes.ts';
import { type Run, runWhenWoken } from './wake.ts';

/** Before a claim that the store refused for now (busy, no disk) is tried again. */
const RETRY_MS = 250;

/** What a claim has for whom: it may be pushed once it is on disk. */
interface Claimed {
  readonly onDisk: Promise<readonly Grant[]>;
}

const NOTHING: Claimed = Object.freeze({ onDisk: Promise.resolve([]) });

export interface ClaimsOptions {
  readonly store: Pick<DeliveryStore, 'claimTasks'>;
  readonly clock: Clock;
  readonly lanes: LaneTable;
  /** No more, if it is false. */
  readonly isClaiming: () => boolean;
  readonly push: (grant: Grant) => void;
}

/**
 * Claims when woken, over everybody who has room, and pushes. A claim ends with its commit: the next one, for what
 * became ready or free since, need not wait until this one is on disk; pushes do, and keep the order of the claims.
 */
export function claimWhenWoken(wake$: Observable<unknown>, options: ClaimsOptions): Observable<unknown> {
  const { store, clock, lanes, isClaiming, push } = options;
  const retry$ = new Subject<void>();

  /** The tasks are where they were, and their receivers have room again. */
  function forgo(grants: readonly Grant[]): void {
    for (const grant of grants) {
      lanes.take(grant);
      lanes.feed(grant.receiver);
      for (const task of grant.outcome.tasks) lanes.mark(task);
    }
  }

  /** A wake-up that comes meanwhile is another run. */
  function claim(): Promise<Run<Claimed>> {
    if (!isClaiming() || !lanes.hasWork()) return Promise.resolve({ value: NOTHING, again: false });
    return new Promise((resolve, reject) => {
      const onDisk = Promise.withResolvers<readonly Grant[]>();
      let grants: readonly Grant[] = [];
      const plan = () => (isClaiming() ? lanes.plan() : []);
      const claimed = store.claimTasks(plan, clock.now, (outcomes) => {
        grants = lanes.learn(outcomes);
        resolve({ value: { onDisk: onDisk.promise }, again: outcomes.length > 0 && lanes.hasWork() });
      });
      claimed.then(
        () => onDisk.resolve(grants),
        (error: unknown) => {
          onDisk.resolve([]);
          // What it had learned of is not so: the room that it reserved is free again.
          forgo(grants);
          if (!(error instanceof ContactError)) return reject(error);
          clock.after(error.retryAfterMs ?? RETRY_MS, () => retry$.next());
          resolve({ value: NOTHING, again: false });
        },
      );
    });
  }

  return merge(wake$, retry$).pipe(
    runWhenWoken(claim),
    concatMap(({ onDisk }) => onDisk),
    tap((grants) => grants.forEach(push)),
  );
}
