import { ChurnSet } from '../../../../shared/churn.ts';
import type { Catalog, Database, LaneEntry } from '../rows/index.ts';

/**
 * Tasks of one lane and priority that wait in the order of their keys, all that there are from the first to the last.
 */
export interface Range {
  readonly id: number;
  readonly lane: LaneEntry;
  readonly nprio: number;
  first: number;
  last: number;
  isStored: boolean;
}

/**
 * Ranges of keys, one row of `backlog` for each. They are disjoint. Bounded by the tasks: whoever puts one here sees to
 * it that it is not short.
 */
export interface Ranges {
  /** Adds a range that is not there yet; it joins the one that ends where it begins. */
  add(lane: LaneEntry, nprio: number, first: number, last: number): void;
  /** The last range of this priority. */
  tailOf(lane: LaneEntry, nprio: number): Range | undefined;
  find(key: number): Range | undefined;
  /** Takes one task out; answers what is left of its range, on both sides of it. */
  remove(range: Range, key: number): readonly Range[];
  /** Takes all tasks of a range out. */
  drop(range: Range): void;
  /** Takes back tasks with this key and larger ones. */
  dropFrom(key: number): void;
  countOf(lane: LaneEntry): number;
  /** The ranges of a lane in the order in which they are claimed. */
  of(lane: LaneEntry): readonly Range[];
  /** Writes what changed: before every COMMIT. */
  flush(): void;
  /** Reads all from the file: at first, and after a rollback. */
  reload(): void;
}

interface RangeRow {
  readonly id: number;
  readonly lane_id: number;
  readonly nprio: number;
  readonly first_key: number;
  readonly last_key: number;
}

interface LaneRanges {
  count: number;
  /** Sorted by priority, the largest first, then by key. */
  readonly ranges: Range[];
}

const NONE: readonly Range[] = Object.freeze([]);

export function createRanges(db: Database, catalog: Catalog): Ranges {
  const selectAll = db.prepare<RangeRow>('SELECT * FROM backlog ORDER BY first_key');
  const put = db.prepare(
    `INSERT INTO backlog VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET first_key = excluded.first_key, last_key = excluded.last_key`,
  );
  const erase = db.prepare('DELETE FROM backlog WHERE id = ?');
  /** All ranges, sorted by key. */
  let all: Range[] = [];
  const lanes = new Map<LaneEntry, LaneRanges>();
  const changed = new ChurnSet<Range>();
  let nextId = 1;

  /** The place behind all ranges that come before. */
  function placeOf(ranges: readonly Range[], isBefore: (range: Range) => boolean): number {
    let low = 0;
    for (let high = ranges.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (isBefore(ranges[middle]!)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  const placeInAll = (key: number): number => placeOf(all, ({ first }) => first < key);
  const placeInLane = ({ ranges }: LaneRanges, nprio: number, key: number): number =>
    placeOf(ranges, (range) => range.nprio < nprio || (range.nprio === nprio && range.first < key));

  function enter(range: Range): void {
    const { lane, nprio, first, last } = range;
    let ofLane = lanes.get(lane);
    if (!ofLane) {
      ofLane = { count: 0, ranges: [] };
      lanes.set(lane, ofLane);
    }
    ofLane.count += last - first + 1;
    ofLane.ranges.splice(placeInLane(ofLane, nprio, first), 0, range);
    all.splice(placeInAll(first), 0, range);
  }

  function begin(lane: LaneEntry, nprio: number, first: number, last: number): Range {
    const range = { id: nextId++, lane, nprio, first, last, isStored: false };
    enter(range);
    changed.add(range);
    return range;
  }

  /** Drops a range: nothing of it is left but its row, until the next flush. */
  function drop(range: Range): void {
    const { lane, nprio, first, last } = range;
    const ofLane = lanes.get(lane)!;
    ofLane.count -= last - first + 1;
    ofLane.ranges.splice(placeInLane(ofLane, nprio, first), 1);
    all.splice(placeInAll(first), 1);
    if (ofLane.ranges.length === 0) lanes.delete(lane);
    range.last = first - 1;
    changed.add(range);
  }

  /** Makes a range shorter at one of its ends. */
  function cut(range: Range, first: number, last: number): void {
    lanes.get(range.lane)!.count -= range.last - range.first - (last - first);
    range.first = first;
    range.last = last;
    changed.add(range);
  }

  return {
    add(lane, nprio, first, last) {
      const before = all[placeInAll(first) - 1];
      if (before?.last !== first - 1 || before.lane !== lane || before.nprio !== nprio) {
        begin(lane, nprio, first, last);
        return;
      }
      lanes.get(lane)!.count += last - first + 1;
      before.last = last;
      changed.add(before);
    },

    tailOf(lane, nprio) {
      const ofLane = lanes.get(lane);
      const tail = ofLane?.ranges[placeInLane(ofLane, nprio + 1, 0) - 1];
      return tail?.nprio === nprio ? tail : undefined;
    },

    find(key) {
      const range = all[placeInAll(key + 1) - 1];
      return range && key <= range.last ? range : undefined;
    },

    remove(range, key) {
      const { lane, nprio, first, last } = range;
      if (first === last) {
        drop(range);
        return NONE;
      }
      if (key === first || key === last) {
        cut(range, key === first ? first + 1 : first, key === last ? last - 1 : last);
        return [range];
      }
      cut(range, first, key - 1);
      return [range, begin(lane, nprio, key + 1, last)];
    },

    drop,

    dropFrom(key) {
      for (let last = all.at(-1); last && last.last >= key; last = all.at(-1)) {
        if (last.first >= key) drop(last);
        else cut(last, last.first, key - 1);
      }
    },

    countOf: (lane) => lanes.get(lane)?.count ?? 0,
    of: (lane) => lanes.get(lane)?.ranges ?? NONE,

    flush() {
      for (const range of changed) {
        const { id, lane, nprio, first, last, isStored } = range;
        if (first <= last) put.run(id, lane.id, nprio, first, last);
        else if (isStored) erase.run(id);
        range.isStored = first <= last;
      }
      changed.clear();
    },

    reload() {
      all = [];
      lanes.clear();
      changed.clear();
      nextId = 1;
      for (const { id, lane_id, nprio, first_key: first, last_key: last } of selectAll.all()) {
        enter({ id, lane: catalog.laneById(lane_id), nprio, first, last, isStored: true });
        nextId = Math.max(nextId, id + 1);
      }
    },
  };
}
