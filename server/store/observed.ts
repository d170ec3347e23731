import type { Engine, GroupSize } from './commit.ts';
import type { Request } from './request.ts';

/** Hears of all that is committed here, to count it. Nothing of it may throw, or keep what it is told. */
export interface StoreObserver {
  /** A group was committed, in so many milliseconds. An answer that is a ContactError refused its request. */
  committed(requests: readonly Request[], answers: readonly unknown[], size: GroupSize, ms: number): void;
  /** What was committed was put on disk, in so many milliseconds. */
  synced(ms: number): void;
}

/** Several observers as one. */
export function joinObservers(observers: readonly StoreObserver[]): StoreObserver {
  return {
    committed(...told) {
      for (const each of observers) each.committed(...told);
    },
    synced(ms) {
      for (const each of observers) each.synced(ms);
    },
  };
}

/** An engine that tells an observer; a store that has none costs nothing. */
export function observeEngine(
  engine: Engine<Request>,
  observer: StoreObserver,
  monotonic = () => performance.now(),
): Engine<Request> {
  const { sync } = engine;
  return {
    ...engine,
    transact(requests, size) {
      const startedAt = monotonic();
      const told = (answers: readonly unknown[]): readonly unknown[] => {
        observer.committed(requests, answers, size, monotonic() - startedAt);
        return answers;
      };
      const answers = engine.transact(requests, size);
      return answers instanceof Promise ? answers.then(told) : told(answers);
    },
    ...(sync && {
      async sync() {
        const startedAt = monotonic();
        await sync();
        observer.synced(monotonic() - startedAt);
      },
    }),
  };
}
