import type { Catalog, Database, LaneEntry } from '../rows/index.ts';
import { createRanges, type Range } from './ranges.ts';
import { type FreshReads, type LiveRows, prepareReadAhead } from './rows.ts';
import type { FreshTask } from './task.ts';

/**
 * Fresh tasks that wait for long: neither in memory nor in `live`, but ranges of keys where many of one lane and
 * priority lie together. Nothing is written or deleted for any one of them, and reading them is reading on. One that
 * leaves its range other than by its claim has its row written; so have those that are left alone by that.
 */
export interface Backlog {
  /**
   * Takes a task that was inserted just now. False: it is too large to be read ahead with others, or it comes alone, as
   * in a lane that takes turns with others.
   */
  append(task: FreshTask): boolean;
  /** Takes tasks of one lane and priority with keys one after the other. False: they are too few. */
  take(run: readonly FreshTask[]): boolean;
  has(key: number): boolean;
  countOf(lane: LaneEntry): number;
  /** Reads tasks in the order in which they are claimed, behind `after`; fewer than `limit`: there are no more. */
  read(lane: LaneEntry, after: FreshTask | undefined, limit: number): FreshTask[];
  /** The task is claimed. */
  leave(key: number): void;
  /** Gives a task its row in `live`, if it is in a range. */
  write(key: number): void;
  /** Gives rows in `live` to the tasks that are next in the lane. */
  writeHead(lane: LaneEntry, limit: number): void;
  /** The oldest task of each priority. */
  heads(lane: LaneEntry): FreshTask[];
  /** Takes back tasks with this key and larger ones. */
  dropFrom(key: number): void;
  /** Writes what changed: before every COMMIT. */
  flush(): void;
  /** Reads all from the file: at first, and after a rollback. */
  reload(): void;
}

export interface BacklogOptions {
  readonly db: Database;
  readonly catalog: Catalog;
  readonly reads: FreshReads;
  readonly live: LiveRows;
  /** Tasks in a row that are worth a range. */
  readonly shortest: number;
}

/** Bytes of the payload of each task in a range: many of them are read ahead. */
const MAX_BYTES = 16 << 10;

/** Tasks in a row after which a range is begun: most of those that begin become long. */
const STREAK = 4;

export function createBacklog({ db, catalog, reads, live, shortest }: BacklogOptions): Backlog {
  const ranges = createRanges(db, catalog);
  const readAhead = prepareReadAhead(db);
  let newest: { readonly key: number; readonly lane: LaneEntry; readonly nprio: number } | undefined;
  let streak = 0;

  function writeShort(all: readonly Range[]): void {
    for (const range of all) {
      const count = range.last - range.first + 1;
      if (count >= shortest) continue;
      for (const task of readAhead(range, range.first, count)) live.addReady(task);
      ranges.drop(range);
    }
  }

  function leave(key: number): readonly Range[] {
    return ranges.remove(ranges.find(key)!, key);
  }

  function read(lane: LaneEntry, after: FreshTask | undefined, limit: number): FreshTask[] {
    const found: FreshTask[] = [];
    const { task_key: key, nprio } = after ?? { task_key: 0, nprio: Number.NEGATIVE_INFINITY };
    for (const range of ranges.of(lane)) {
      if (found.length >= limit) break;
      if (range.nprio < nprio || (range.nprio === nprio && range.last <= key)) continue;
      const from = range.nprio === nprio ? Math.max(range.first, key + 1) : range.first;
      found.push(...readAhead(range, from, limit - found.length));
    }
    return found;
  }

  ranges.reload();
  return {
    append({ task_key: key, nprio, bytes, lane }) {
      if (bytes > MAX_BYTES) return false;
      const follows = newest?.key === key - 1 && newest.lane === lane && newest.nprio === nprio;
      streak = follows ? streak + 1 : 1;
      newest = { key, lane, nprio };
      const tail = ranges.tailOf(lane, nprio);
      // Keys of other lanes came between, so that this range does not grow any more.
      if (tail && tail.last !== key - 1) writeShort([tail]);
      else if (tail) streak = STREAK;
      if (streak < STREAK) return false;
      ranges.add(lane, nprio, key, key);
      return true;
    },
    take(run) {
      if (run.length < shortest || run.some(({ bytes }) => bytes > MAX_BYTES)) return false;
      const [{ lane, nprio, task_key: first }, last] = [run[0]!, run.at(-1)!];
      ranges.add(lane, nprio, first, last.task_key);
      return true;
    },
    has: (key) => ranges.find(key) !== undefined,
    countOf: ranges.countOf,
    read,
    leave,
    write(key) {
      if (!ranges.find(key)) return;
      live.addReady(reads.byKey(key)!);
      writeShort(leave(key));
    },
    writeHead(lane, limit) {
      for (const task of read(lane, undefined, limit)) {
        live.addReady(task);
        leave(task.task_key);
      }
    },
    heads: (lane) => {
      const firstByPriority = new Map(
        ranges
          .of(lane)
          .toReversed()
          .map(({ nprio, first }) => [nprio, first]),
      );
      return [...firstByPriority.values()].map((key) => reads.byKey(key)!);
    },
    dropFrom(key) {
      newest = undefined;
      ranges.dropFrom(key);
    },
    flush: ranges.flush,
    reload() {
      newest = undefined;
      ranges.reload();
    },
  };
}
