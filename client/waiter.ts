import type { Clock } from '../shared/clock.ts';
import { ContactError } from '../shared/errors.ts';
import type { Waiter } from './batch.ts';
import type { Connection } from './connection.ts';

/** Calls `run` once after `ms`; the answer takes it back. */
export type After = (ms: number, run: () => void) => () => void;

/** What waits for the same number of milliseconds; the oldest first. */
interface Lane {
  readonly entries: Set<{ readonly at: number; readonly run: () => void }>;
  cancel: () => void;
}

/** Deadlines of many who mostly wait equally long: one timer for all of them. */
export function createDeadlines(clock: Clock): After {
  // Bounded by those who wait: a lane goes with its last one.
  const lanes = new Map<number, Lane>();

  function open(ms: number): Lane {
    const lane: Lane = { entries: new Set(), cancel: () => {} };
    lanes.set(ms, lane);
    return lane;
  }

  function watch(lane: Lane, ms: number): void {
    lane.cancel = clock.after(ms, () => {
      const now = clock.monotonic();
      for (const entry of lane.entries) {
        // Timers may be early by less than a millisecond.
        if (entry.at - now >= 1) {
          watch(lane, entry.at - now);
          return;
        }
        entry.run();
      }
    });
  }

  return (ms, run) => {
    const lane = lanes.get(ms) ?? open(ms);
    const entry = { at: clock.monotonic() + ms, run };
    lane.entries.add(entry);
    if (lane.entries.size === 1) watch(lane, ms);
    return () => {
      if (!lane.entries.delete(entry) || lane.entries.size > 0) return;
      lane.cancel();
      if (lanes.get(ms) === lane) lanes.delete(ms);
    };
  };
}

/** What ends a wait before its answer. */
export interface WaitEnds {
  readonly signal: AbortSignal | undefined;
  /** Undefined: none. */
  readonly deadline:
    | { readonly ms: number; readonly after: After; readonly error: (sent: boolean) => Error }
    | undefined;
}

/** Who waits until its signal or its deadline ends that, or it is told; what it gave is not sent any more then. */
export function createWaiter<T>(
  resolve: (value: T) => void,
  reject: (error: Error) => void,
  { signal, deadline }: WaitEnds,
): Waiter<T> {
  let forget = (): void => {};
  const end = (error: Error): void => {
    forget();
    waiter.isAbandoned = true;
    reject(error);
  };
  const waiter: Waiter<T> = {
    resolve(value) {
      forget();
      resolve(value);
    },
    reject(error) {
      forget();
      reject(error);
    },
  };
  const onAbort = (): void => end(new ContactError('CANCELLED', 'given up before it was acknowledged'));
  if (signal?.aborted) {
    onAbort();
    return waiter;
  }
  signal?.addEventListener('abort', onAbort, { once: true });
  const cancel = deadline?.after(deadline.ms, () => end(deadline.error(waiter.isGathered === true)));
  if (signal || cancel) {
    forget = () => {
      signal?.removeEventListener('abort', onAbort);
      cancel?.();
    };
  }
  return waiter;
}

/** What was enqueued, as an error names it. */
export interface Named {
  readonly id: string;
  readonly idempotencyKey: string;
}

/** The error of who has waited long enough for tasks to be stored: why, whether they may be, and what to do. */
export function overdue(
  tasks: readonly Named[],
  ms: number,
  sent: boolean,
  { server, trouble, hasWorked }: Pick<Connection, 'server' | 'trouble' | 'hasWorked'>,
): ContactError {
  const [{ id, idempotencyKey: key }] = tasks as [Named];
  const isAlone = tasks.length === 1;
  const what = isAlone
    ? `task ${id}${key === '' ? '' : ` (key ${JSON.stringify(key)})`} was`
    : `${tasks.length} tasks, the first ${id}, were`;
  const why = trouble
    ? `${server} cannot be reached: ${trouble.message}`
    : hasWorked
      ? `${server} has answered before, and does not now`
      : `no answer from ${server} yet`;
  const it = isAlone ? 'it' : 'they';
  const name = isAlone ? `the same ${key === '' ? 'id' : 'key'}` : 'the same ids or keys';
  const advice = sent
    ? `${it} may have been stored all the same; enqueued again with ${name}, ${it} will be there once`
    : `${it} ${isAlone ? 'was' : 'were'} not sent, since too much is outstanding`;
  const message = `${what} not acknowledged in ${ms} ms: ${why}; ${advice} (\`deadlineMs: 0\` waits on)`;
  return new ContactError('DEADLINE_EXCEEDED', message, trouble ? { cause: trouble } : {});
}
