import type { CallTaskRequest, TaskService } from '../../gen/index.ts';
import { invalid } from '../../shared/errors.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import { type Caller, nameCaller } from '../model/caller.ts';
import type { NoteFailure } from '../store/failure.ts';
import type { InsertOutcome, TaskStore } from '../store/tasks.ts';
import { type AwaitedResults, awaitOne, createAwaiting } from './awaited.ts';
import { isAbandoned, whenAborted } from './context.ts';
import type { Enqueue } from './enqueue.ts';
import type { Handler } from './handler.ts';
import { writeResult } from './views.ts';

export interface CallTaskOptions {
  readonly queue: Pick<TaskQueue, 'cancel' | 'results'>;
  readonly store: Pick<TaskStore, 'describeTask'>;
  readonly enqueue: Enqueue;
  readonly noteFailure: NoteFailure;
}

/** CallTask: enqueues a task and waits for its result. The id of the task makes a call after a lost connection safe. */
export function createCallTask(options: CallTaskOptions): Handler<(typeof TaskService.method)['callTask']> {
  const { queue, enqueue, noteFailure } = options;
  const { results } = queue;
  // Every call awaits one result, so open calls are the bound.
  const openAwaited = createAwaiting(results, options.store, { maxInAll: Number.POSITIVE_INFINITY });

  /** A function of its own, so that a waiting call holds no task: the task may be large, and the store has it. */
  async function store(request: CallTaskRequest, caller: Caller, awaited: AwaitedResults): Promise<InsertOutcome> {
    const { task } = request;
    if (!task) throw invalid('task', 'is required');
    const waits = awaited.admit([task]);
    const outcomes = await enqueue([task], caller, 'task');
    // Who carries the call holds on to its request until it is answered.
    request.task = undefined;
    waits.stored(outcomes);
    waits.open();
    return outcomes[0]!;
  }

  return async (request, context) => {
    const { caller, signal } = context;
    const { cancelWhenAbandoned } = request;
    const { told, awaited } = awaitOne(openAwaited);
    let takeBack = (): void => undefined;
    try {
      const { id } = await store(request, caller, awaited);
      context.beginAnswer();
      takeBack = whenAborted(signal, () => told.reject(signal.reason));
      try {
        const record = await told.promise;
        return { result: writeResult(record, results.cursorAt(record.position)) };
      } catch (error) {
        if (cancelWhenAbandoned && isAbandoned(signal)) {
          // Nobody ordered it.
          const asked = queue.cancel([id], 'ABANDONED', nameCaller(caller), undefined, false);
          asked.catch((bug: unknown) => noteFailure('cancelTasks', bug));
        }
        throw error;
      }
    } finally {
      takeBack();
      awaited.close();
    }
  };
}
