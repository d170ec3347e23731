import { firstValueFrom, merge, Subject } from 'rxjs';
import type { TaskService } from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import { invalid } from '../../shared/errors.ts';
import { isTaskId } from '../../shared/ids.ts';
import type { Activities, Activity } from '../dispatch/activities.ts';
import type { Caller } from '../model/caller.ts';
import { isSettled } from '../model/states.ts';
import { type LogPlace, MAX_ATTEMPT_LINES } from '../model/tasklog.ts';
import type { DescribedTask, TaskStore } from '../store/tasks.ts';
import { aborted$ } from './context.ts';
import type { Answer, Handler } from './handler.ts';
import type { Pace } from './pace.ts';
import { findTask } from './scope.ts';
import { writeLine } from './views.ts';

/** What happens to one task is told at most this often. */
const PACE_MS = 250;

/** Covers a change that nobody told of, such as one on another node. */
const LOOK_MS = 5_000;

type WatchTask = (typeof TaskService.method)['watchTask'];
type TaskView = Extract<NonNullable<Answer<WatchTask>['event']>, { case: 'task' }>['value'];

export interface WatchTaskOptions {
  readonly activities: Activities;
  readonly store: Pick<TaskStore, 'describeTask' | 'listLog'>;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly write: (record: DescribedTask, caller: Caller) => Promise<TaskView>;
}

/** One task, live: its state at first and with every change, and between them the newest progress and what its workers say. */
export function createWatchTask({ activities, store, clock, pace, write }: WatchTaskOptions): Handler<WatchTask> {
  return async function* watchTask({ id }, { caller, signal }) {
    if (!isTaskId(id)) throw invalid('id', 'expected a UUIDv7 in lower case');
    // Only the newest activity of each kind is kept, so that a slow reader costs no memory.
    let started: (Activity & { kind: 'started' }) | undefined;
    let progress: (Activity & { kind: 'progress' }) | undefined;
    let isChanged = true;
    let isLogged = false;
    const happened$ = new Subject<void>();

    function take(activity: Activity): void {
      if (activity.kind === 'changed') isChanged = true;
      else if (activity.kind === 'logged') isLogged = true;
      else if (activity.kind === 'started') started = activity;
      else progress = activity;
      happened$.next();
    }

    function look(): void {
      isLogged = true;
      take({ kind: 'changed' });
    }

    /** Waits until something has happened, and no shorter than the pace allows. */
    async function pause(): Promise<void> {
      if (!isChanged && !isLogged && !started && !progress && !signal.aborted) {
        const takeBack = clock.after(LOOK_MS, look);
        await firstValueFrom(merge(happened$, aborted$(signal)));
        takeBack();
      }
      await new Promise<void>((resolve) => clock.after(PACE_MS, resolve));
    }

    const subscription = activities.watch(id).subscribe(take);
    try {
      let told = '';
      let toldLine: LogPlace = { delivery: 0, number: 0 };
      while (!signal.aborted) {
        if (isChanged) {
          isChanged = false;
          await pace();
          if (signal.aborted) return;
          const record = await findTask(store, id, caller);
          const { state, delivery, attempt, cancelRequested } = record;
          const now = `${state} ${delivery} ${attempt} ${cancelRequested}`;
          if (now !== told) {
            toldLine = record.log.at(-1) ?? toldLine;
            yield { event: { case: 'task', value: await write(record, caller) } };
          }
          told = now;
          if (isSettled(state)) return;
        }
        if (started) {
          const { delivery } = started;
          started = undefined;
          yield { event: { case: 'started', value: { taskId: id, delivery } } };
        }
        if (progress) {
          const { delivery, fraction, message } = progress;
          progress = undefined;
          yield { event: { case: 'progress', value: { taskId: id, delivery, fraction, message } } };
        }
        if (isLogged) {
          isLogged = false;
          const lines = (await store.listLog(id, toldLine, caller.scope)).slice(-MAX_ATTEMPT_LINES);
          for (const { delivery, ...line } of lines) {
            yield { event: { case: 'log', value: { taskId: id, delivery, line: writeLine(line) } } };
          }
          toldLine = lines.at(-1) ?? toldLine;
        }
        await pause();
      }
    } finally {
      subscription.unsubscribe();
    }
  };
}
