import { Observable, type OperatorFunction } from 'rxjs';

/** What one run came to: its value, and whether to go on at once. */
export interface Run<T> {
  readonly value: T;
  readonly again: boolean;
}

/**
 * Runs `work` for a wake-up, one run at a time. Wake-ups that arrive during a run are one more run after it: none is
 * lost and none is buffered, what counts is only that there was one since the run began. `work` must not reject for
 * what is a matter of course; what it rejects with ends the Observable.
 */
export function runWhenWoken<T>(work: () => Promise<Run<T>>): OperatorFunction<unknown, T> {
  return (wake$) =>
    new Observable<T>((subscriber) => {
      let isRunning = false;
      let isWoken = false;
      let isSourceDone = false;

      const run = async (): Promise<void> => {
        isRunning = true;
        do {
          isWoken = false;
          const { value, again } = await work();
          if (subscriber.closed) return;
          subscriber.next(value);
          if (again) isWoken = true;
        } while (isWoken && !subscriber.closed);
        isRunning = false;
        if (isSourceDone) subscriber.complete();
      };

      return wake$.subscribe({
        next: () => {
          isWoken = true;
          if (!isRunning) run().catch((error: unknown) => subscriber.error(error));
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          isSourceDone = true;
          if (!isRunning) subscriber.complete();
        },
      });
    });
}
