import type { NewTask } from '../../gen/index.ts';
import { ChurnMap } from '../../shared/churn.ts';
import { ContactError } from '../../shared/errors.ts';
import type { ResultsLog } from '../dispatch/results.ts';
import { createShares } from '../model/shares.ts';
import type { ResultRecord } from '../model/task.ts';
import type { Store } from '../store/store.ts';
import type { InsertOutcome } from '../store/tasks.ts';

/** Results that one stream may await, and all streams together: each awaited result costs some 500 bytes of memory. */
export const MAX_AWAITED = 2_000;
const MAX_AWAITED_IN_ALL = 100_000;
const RETRY_AFTER_MS = 1_000;

/** Bytes of results in one message, about; a larger single result goes alone. */
const MESSAGE_BYTES = 256 << 10;
const RESULT_BYTES = 256;

/** The results that one stream awaits. */
export interface AwaitedResults {
  readonly count: number;
  /**
   * Listens for the results of these tasks from now on. RESOURCE_EXHAUSTED: too many are awaited, none was admitted.
   */
  admit(tasks: readonly Pick<NewTask, 'id'>[]): Waits;
  /** Takes back one wait of each mention; ids that nobody waits for are ignored. */
  abandon(ids: readonly string[]): void;
  close(): void;
}

/** What one batch awaits. */
export interface Waits {
  /** The outcomes of the tasks that were admitted. */
  stored(outcomes: readonly InsertOutcome[]): void;
  /** The batch was acknowledged: results that are there are told, and those that come. */
  open(): void;
  /** The batch was refused. */
  drop(): void;
}

export interface AwaitedOptions {
  /** For whom it counts what is awaited (`holdersOf`). */
  readonly holders: readonly string[];
  /**
   * Writes results to the reader. True: more may be written; else resolves when it may, to false when the reader has
   * gone.
   */
  readonly tell: (records: readonly ResultRecord[], bytes: number) => true | Promise<boolean>;
  /** Nothing is awaited any more. */
  readonly onIdle: () => void;
  readonly onError: (error: unknown) => void;
}

/** One task of a batch. It listens until its result has been told, so that nothing is missed between look and tell. */
interface Wait {
  id: string;
  stop: () => void;
  /** The batch of the task was acknowledged: before that its result is not told. */
  isOpen: boolean;
  /** The task may have ended before anybody listened, or before the wait was open: the store is asked. */
  isToLook: boolean;
  /** The wait stands in `due`. */
  isDue: boolean;
  /** The result, if it is held in memory; else it is read when its turn comes. */
  record: ResultRecord | null;
}

export interface AwaitingBounds {
  /** Results that all streams await together. Default 100,000. */
  readonly maxInAll?: number;
  /** A principal would have awaited more than its share of those. */
  readonly onReached?: () => void;
}

export type OpenAwaited = (options: AwaitedOptions) => AwaitedResults;

/**
 * Awaited results of all streams. A result goes from the commit to its stream without being stored here; while a
 * reader does not keep up, ids alone wait for it, and results are read from the store when more may be written.
 */
export function createAwaiting(
  results: Pick<ResultsLog, 'onSettled'>,
  store: Pick<Store, 'describeTask'>,
  { maxInAll = MAX_AWAITED_IN_ALL, onReached }: AwaitingBounds = {},
): OpenAwaited {
  let inAll = 0;
  const shares = createShares(maxInAll, onReached);

  return ({ holders, tell, onIdle, onError }) => {
    const waitsById = new ChurnMap<string, Wait[]>();
    /** What is to be told, in order. Bounded by the waits. */
    const due: Wait[] = [];
    let count = 0;
    let isTelling = false;
    let mayHold = true;
    let isClosed = false;

    function listen(wait: Wait, id: string): void {
      wait.id = id;
      const waits = waitsById.get(id);
      if (waits) waits.push(wait);
      else waitsById.set(id, [wait]);
      wait.stop = results.onSettled(id, (record) => {
        if (wait.isOpen && mayHold) wait.record = record;
        else wait.isToLook = true;
        if (wait.isOpen) makeDue(wait);
      });
    }

    function deafen(wait: Wait): void {
      wait.stop();
      const waits = waitsById.get(wait.id);
      const at = waits?.indexOf(wait) ?? -1;
      if (at >= 0) waits!.splice(at, 1);
      if (waits?.length === 0) waitsById.delete(wait.id);
    }

    function giveBack(some: number): void {
      count -= some;
      inAll -= some;
      shares.giveBack(holders, some);
    }

    function remove(wait: Wait): void {
      deafen(wait);
      giveBack(1);
    }

    function makeDue(wait: Wait): void {
      if (wait.isDue) return;
      wait.isDue = true;
      due.push(wait);
      if (isTelling) return;
      isTelling = true;
      // Told in a microtask, so that results of one commit go into one message.
      Promise.resolve().then(tellDue).catch(onError);
    }

    async function tellDue(): Promise<void> {
      while (due.length > 0 && !isClosed) {
        const records: ResultRecord[] = [];
        let bytes = 0;
        while (due.length > 0) {
          const wait = due[0]!;
          const record = wait.record ?? (await look(wait));
          if (isClosed) return;
          const size = record ? RESULT_BYTES + record.result.byteLength : 0;
          if (records.length > 0 && bytes + size > MESSAGE_BYTES) {
            wait.record = record;
            break;
          }
          due.shift();
          wait.isDue = false;
          wait.record = null;
          if (record) {
            records.push(record);
            bytes += size;
            remove(wait);
          } else if (wait.isToLook) makeDue(wait);
        }
        const hasRoom: true | Promise<boolean> = records.length === 0 || tell(records, bytes);
        if (hasRoom !== true) {
          letGo();
          if (!(await hasRoom)) return;
        }
      }
      isTelling = false;
      mayHold = true;
      if (count === 0) onIdle();
    }

    /** The result of the task; null: the task is not settled, or not any more. */
    async function look(wait: Wait): Promise<ResultRecord | null> {
      letGo();
      wait.isToLook = false;
      const found = await store.describeTask(wait.id);
      return found?.settled && found.settled.state === found.state ? found.settled : null;
    }

    /** Forgets the results in memory: none is held for as long as the next message has to wait. */
    function letGo(): void {
      mayHold = false;
      for (const wait of due) wait.record = null;
    }

    function admit(tasks: readonly Pick<NewTask, 'id'>[]): Waits {
      if (count + tasks.length > MAX_AWAITED) {
        throw tooMany(`at most ${MAX_AWAITED} results are awaited on one stream, ${count} are`);
      }
      if (inAll + tasks.length > maxInAll) throw tooMany('all streams together await too many results');
      const full = shares.take(holders, tasks.length);
      if (full !== undefined) throw tooMany(`the streams of ${full} await more than ${shares.max} results`);
      count += tasks.length;
      inAll += tasks.length;
      const waits = tasks.map(({ id }): Wait => {
        const wait = { id, stop: () => {}, isOpen: false, isToLook: false, isDue: false, record: null };
        // Listened for before it is stored: a task may end with the very commit that stores it.
        if (id !== '') listen(wait, id);
        return wait;
      });

      return {
        stored(outcomes) {
          if (isClosed) return;
          outcomes.forEach(({ id, deduplicated }, at) => {
            const wait = waits[at]!;
            const isHeard = wait.id === id;
            if (!isHeard) {
              deafen(wait);
              listen(wait, id);
            }
            if (deduplicated || !isHeard) wait.isToLook = true;
          });
        },
        open() {
          if (isClosed) return;
          for (const wait of waits) {
            wait.isOpen = true;
            if (wait.isToLook) makeDue(wait);
          }
        },
        drop() {
          if (isClosed) return;
          waits.forEach(remove);
        },
      };
    }

    return {
      get count() {
        return count;
      },
      admit,
      abandon(ids) {
        for (const id of ids) {
          // A result that is due already is told all the same.
          const wait = waitsById.get(id)?.find(({ isOpen, isDue }) => isOpen && !isDue);
          if (wait) remove(wait);
        }
        if (count === 0) onIdle();
      },
      close() {
        if (isClosed) return;
        isClosed = true;
        giveBack(count);
        due.length = 0;
        for (const waits of waitsById.values()) for (const { stop } of waits) stop();
        waitsById.clear();
      },
    };
  };
}

function tooMany(problem: string): ContactError {
  return new ContactError('RESOURCE_EXHAUSTED', problem, { field: 'await_results', retryAfterMs: RETRY_AFTER_MS });
}

/** For who waits for one result: a promise of it, which rejects when the log of results fails. */
export function awaitOne(open: OpenAwaited): {
  readonly told: PromiseWithResolvers<ResultRecord>;
  readonly awaited: AwaitedResults;
} {
  const told = Promise.withResolvers<ResultRecord>();
  const awaited = open({
    // Each is a call, of which its principal may have so many.
    holders: [],
    tell([record]) {
      told.resolve(record!);
      return true;
    },
    onIdle: () => undefined,
    onError: told.reject,
  });
  return { told, awaited };
}
