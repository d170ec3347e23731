import { concatMap, merge, type Observable, Subject, tap } from 'rxjs';
import type { Clock } from '../../shared/clock.ts';
import type { DeliveryStore } from '../store/deliveries.ts';
import { retryAfterMs } from '../store/failure.ts';
import type { Grant, LaneTable } from './lanes.ts';
import { type Run, runWhenWoken } from './wake.ts';

/** What a claim got for its receivers; it may be pushed once it is on disk. */
interface Claimed {
  readonly onDisk: Promise<readonly Grant[]>;
}

const NOTHING: Claimed = Object.freeze({ onDisk: Promise.resolve([]) });

export interface ClaimsOptions {
  readonly store: Pick<DeliveryStore, 'claimTasks'>;
  readonly clock: Clock;
  readonly lanes: LaneTable;
  /** False: nothing is claimed any more. */
  readonly isClaiming: () => boolean;
  readonly push: (grant: Grant) => void;
}

/**
 * Claims when woken, for all receivers with capacity, and pushes. A claim ends with its commit: the next one, for what
 * became ready or free since, need not wait until this one is on disk; pushes do, and keep the order of the claims.
 */
export function claimWhenWoken(wake$: Observable<unknown>, options: ClaimsOptions): Observable<unknown> {
  const { store, clock, lanes, isClaiming, push } = options;
  const retry$ = new Subject<void>();

  /** The claim was taken back: its tasks are where they were, and its receivers have their capacity again. */
  function forgo(grants: readonly Grant[]): void {
    for (const grant of grants) {
      lanes.take(grant);
      lanes.freed(grant.receiver);
      for (const task of grant.outcome.tasks) lanes.mark(task);
    }
  }

  /** One claim; a wake-up that comes meanwhile starts another one after it. */
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
      claimed
        .then(
          () => onDisk.resolve(grants),
          (error: unknown) => {
            onDisk.resolve([]);
            // The claim did not happen after all: the capacity that it reserved is free again.
            forgo(grants);
            clock.after(retryAfterMs(error), () => retry$.next());
            resolve({ value: NOTHING, again: false });
          },
        )
        .catch(reject);
    });
  }

  return merge(wake$, retry$).pipe(
    runWhenWoken(claim),
    concatMap(({ onDisk }) => onDisk),
    tap((grants) => grants.forEach(push)),
  );
}
