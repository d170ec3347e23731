import type { NewTask, ResultEvent } from '../gen/contact/v1/task_pb.ts';
import { ChurnMap, ChurnSet } from '../shared/churn.ts';
import type { Clock } from '../shared/clock.ts';
import { ContactError } from '../shared/errors.ts';
import { type Batch, Gatherer, type Waiter } from './batch.ts';
import { sizeOfTask } from './newtask.ts';
import { oncePerTurn } from './turn.ts';

/** How many ids one `abandoned` may name. */
const MAX_ABANDONED = 1_000;
const BATCH_LIMITS = Object.freeze({ maxTasks: 100, maxBytes: 256 * 1024 });

/** Refuses batches of calls to whom the server tells no results on streams: they wait somewhere else. */
export const ELSEWHERE = new ContactError('UNIMPLEMENTED', 'results are told to CallTask alone');

/** How a call ends on the stream: its result, a refusal, or null when it has to wait somewhere else or no longer. */
type End = ResultEvent | ContactError | null;

/**
 * One call. It waits for a place, then in a batch until it is stored, then for its result; a broken stream begins that
 * anew.
 */
interface Call {
  readonly task: NewTask;
  readonly endsAt: number;
  /** The call's part of its batch, until that was answered. */
  waiter: Waiter<unknown> | null;
  /** The id that was acknowledged; empty: the task is not stored, as far as is known. */
  id: string;
  end(end: End): void;
}

/** Calls that wait for their results on the stream that tasks are enqueued over. */
export interface Calls {
  readonly hasWork: boolean;
  /**
   * Stores the task and waits for its result. null: the server tells no results on streams, or the signal or `endsAt`
   * (monotonic) ended the wait.
   */
  run(task: NewTask, signal: AbortSignal, endsAt: number): Promise<ResultEvent | null>;
  /** A stream was opened on which so many results may be awaited. */
  opened(maxAwaited: number): void;
  settled(results: readonly ResultEvent[]): void;
  /** So many calls were given up before they were sent. */
  pruned(count: number): void;
  /** The stream ended. What was sent and not answered is sent again by its owner, what was stored from here. */
  cut(): void;
  rejectAll(error: ContactError): void;
  /** Writes now what is due. */
  flush(): void;
}

export interface CallsOptions {
  readonly clock: Clock;
  /** Opens a stream if there is none. */
  readonly open: () => void;
  readonly push: (batches: readonly Batch[]) => void;
  readonly abandon: (ids: readonly string[]) => void;
}

export function createCalls({ clock, open, push, abandon }: CallsOptions): Calls {
  // All of these are bounded by those who wait for their calls.
  const waiting = new ChurnSet<Call>();
  const callsById = new ChurnMap<string, Set<Call>>();
  const gatherer = new Gatherer(BATCH_LIMITS);
  let abandoned: string[] = [];
  /** null: there is no stream. */
  let maxAwaited: number | null = null;
  /** How many calls are in batches or stored: those that the server counts. */
  let onStream = 0;

  // Calls of one turn of the event loop travel together.
  const flushSoon = oncePerTurn(flush);

  function flushIfOpen(): void {
    if (maxAwaited) flushSoon();
  }

  function flush(): void {
    if (!maxAwaited) return;
    while (abandoned.length > 0) {
      const ids = abandoned.splice(0, MAX_ABANDONED);
      onStream -= ids.length;
      abandon(ids);
    }
    if (waiting.size === 0) return;
    for (const call of waiting) {
      if (onStream >= maxAwaited) break;
      waiting.delete(call);
      onStream += 1;
      const waiter: Waiter<{ readonly id: string }> = {
        resolve: ({ id }) => noteStored(call, id),
        reject: (error) => {
          onStream -= 1;
          call.waiter = null;
          call.end(error === ELSEWHERE ? null : error);
        },
      };
      call.waiter = waiter;
      gatherer.add(call.task, sizeOfTask(call.task), waiter, true);
    }
    push(gatherer.take());
  }

  /** The task of a call was stored, under this id. */
  function noteStored(call: Call, id: string): void {
    const isAbandoned = call.waiter?.isAbandoned ?? false;
    call.waiter = null;
    call.id = id;
    if (isAbandoned) {
      abandoned.push(id);
      flushIfOpen();
      return;
    }
    const calls = callsById.get(id);
    if (calls) calls.add(call);
    else callsById.set(id, new Set([call]));
  }

  /** Gives a call up, wherever it is. */
  function leave(call: Call): void {
    waiting.delete(call);
    if (call.waiter) call.waiter.isAbandoned = true;
    const calls = callsById.get(call.id);
    if (!calls?.delete(call)) return;
    if (calls.size === 0) callsById.delete(call.id);
    abandoned.push(call.id);
    flushIfOpen();
  }

  /** Ends the calls whose time is over: the clock may know before a timer does. */
  function endLate(): void {
    const now = clock.monotonic();
    for (const call of waiting) if (call.endsAt <= now) call.end(null);
  }

  return {
    get hasWork() {
      return waiting.size > 0 || callsById.size > 0;
    },

    run(task, signal, endsAt) {
      return new Promise((resolve, reject) => {
        if (signal.aborted || maxAwaited === 0) return resolve(null);
        const onAbort = (): void => call.end(null);
        const call: Call = {
          task,
          endsAt,
          waiter: null,
          id: '',
          end(end) {
            signal.removeEventListener('abort', onAbort);
            leave(call);
            if (end instanceof Error) reject(end);
            else resolve(end);
          },
        };
        signal.addEventListener('abort', onAbort, { once: true });
        waiting.add(call);
        open();
        flushIfOpen();
      });
    },

    opened(max) {
      maxAwaited = max;
      if (max === 0) for (const call of waiting) call.end(null);
      else flush();
    },

    settled(results) {
      for (const result of results) {
        const calls = callsById.get(result.taskId);
        if (!calls) continue;
        callsById.delete(result.taskId);
        onStream -= calls.size;
        // A view would pin the message, with the results of others.
        const event = results.length > 1 ? { ...result, result: new Uint8Array(result.result) } : result;
        for (const call of calls) call.end(event);
      }
      if (waiting.size > 0) flushIfOpen();
    },

    pruned(count) {
      onStream -= count;
      flushIfOpen();
    },

    cut() {
      maxAwaited = null;
      onStream -= abandoned.length;
      abandoned = [];
      for (const [id, calls] of callsById) {
        callsById.delete(id);
        onStream -= calls.size;
        for (const call of calls) waiting.add(call);
      }
      endLate();
    },

    rejectAll(error) {
      for (const call of waiting) call.end(error);
      for (const [id, calls] of callsById) {
        callsById.delete(id);
        onStream -= calls.size;
        for (const call of calls) call.end(error);
      }
    },

    flush,
  };
}
