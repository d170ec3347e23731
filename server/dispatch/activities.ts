import { finalize, Observable, Subject } from 'rxjs';
import { ChurnMap } from '../../shared/churn.ts';

/** Something that happens to a task while somebody looks. */
export type Activity =
  | { readonly kind: 'changed' }
  /** Its worker has said something, which the store has. */
  | { readonly kind: 'logged' }
  | { readonly kind: 'started'; readonly delivery: number }
  | { readonly kind: 'progress'; readonly delivery: number; readonly fraction: number; readonly message: string };

/** What happens to watched tasks, live and not stored. Bounded by watchers: nothing is remembered of other tasks. */
export interface Activities {
  /** A hot Observable: a slow subscriber keeps what it needs itself, nothing is buffered here. */
  watch(taskId: string): Observable<Activity>;
  /** Whether anybody watches a task. */
  readonly isWatched: boolean;
  tell(taskId: string, activity: Activity): void;
  /** Tells that these tasks may have changed their state. */
  tellChanged(items: readonly { readonly taskId: string }[]): void;
  /** Tells that there is more of the log of these tasks. */
  tellLogged(items: readonly { readonly taskId: string }[]): void;
  close(): void;
}

const CHANGED: Activity = Object.freeze({ kind: 'changed' });
const LOGGED: Activity = Object.freeze({ kind: 'logged' });

export function createActivities(): Activities {
  const subjectByTask = new ChurnMap<string, Subject<Activity>>();

  function tellAll(items: readonly { readonly taskId: string }[], activity: Activity): void {
    if (subjectByTask.size === 0) return;
    for (const { taskId } of items) subjectByTask.get(taskId)?.next(activity);
  }

  return {
    watch: (taskId) =>
      new Observable((subscriber) => {
        const subject = subjectByTask.get(taskId) ?? new Subject<Activity>();
        subjectByTask.set(taskId, subject);
        return subject
          .pipe(
            finalize(() => {
              if (!subject.observed && subjectByTask.get(taskId) === subject) subjectByTask.delete(taskId);
            }),
          )
          .subscribe(subscriber);
      }),
    get isWatched() {
      return subjectByTask.size > 0;
    },
    tell: (taskId, activity) => subjectByTask.get(taskId)?.next(activity),
    tellChanged: (items) => tellAll(items, CHANGED),
    tellLogged: (items) => tellAll(items, LOGGED),
    close() {
      for (const subject of subjectByTask.values()) subject.complete();
      subjectByTask.clear();
    },
  };
}
