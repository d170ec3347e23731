import { ChurnMap } from '../../shared/churn.ts';
import { COLUMNS } from './columns.ts';
import { type Candidate, createQueueLabels, OTHER } from './labels.ts';

/** Queues that are counted apart; what is beyond is counted as `_other` at once, also if it should be large some day. */
const MAX_ROWS = 20_000;

export type Row = Float64Array;

interface Entry {
  readonly row: Row;
  /** What of it was told as part of `_other`, where it stays; undefined: nothing. */
  hidden: Row | undefined;
  /** It was counted since the last look. */
  isActive: boolean;
}

/**
 * What is counted of each queue. What is told only grows, as counters must: a queue that gets a label of its own begins
 * there with what was not told yet, and what was told as `_other` stays there.
 */
export interface QueueRows {
  /** The numbers of a queue, to be added to. */
  of(queue: string): Row;
  /**
   * The rows to be told, by label. @param sizes the queues that there are, and what each has to do
   */
  tell(sizes: ReadonlyMap<string, number>): ReadonlyMap<string, Row>;
  /** The label that a queue is told under, as of the last `tell`. */
  labelOf(queue: string): string;
}

export function createQueueRows(maxLabels?: number, maxRows: number = MAX_ROWS): QueueRows {
  // Bounded by `maxRows`.
  const entries = new ChurnMap<string, Entry>();
  const labels = createQueueLabels(maxLabels);
  /** What was told as `_other` of queues that have a label now, or are gone. */
  const kept: Row = new Float64Array(COLUMNS);
  const overflow: Entry = { row: new Float64Array(COLUMNS), hidden: undefined, isActive: false };
  let [lastQueue, last] = ['', overflow];

  function find(queue: string): Entry {
    // Tasks come in batches of one queue.
    if (queue === lastQueue) return last;
    let entry = entries.get(queue);
    if (!entry) {
      if (entries.size >= maxRows) return overflow;
      entry = { row: new Float64Array(COLUMNS), hidden: undefined, isActive: true };
      entries.set(queue, entry);
    }
    [lastQueue, last] = [queue, entry];
    return entry;
  }

  function forget(queue: string): void {
    entries.delete(queue);
    if (queue === lastQueue) [lastQueue, last] = ['', overflow];
  }

  return {
    of(queue) {
      const entry = find(queue);
      entry.isActive = true;
      return entry.row;
    },

    tell(sizes) {
      const isGone = (queue: string): boolean => !sizes.has(queue) && entries.get(queue)?.isActive !== true;
      const candidates = (): Candidate[] => {
        const all = [...sizes].map(([queue, size]) => ({ queue, size }));
        for (const [queue] of entries) if (!sizes.has(queue)) all.push({ queue, size: 0 });
        return all;
      };
      const { given, taken } = labels.give(candidates, isGone);
      for (const queue of given) add(kept, entries.get(queue)?.hidden);
      for (const queue of taken) forget(queue);

      const told = new Map<string, Row>();
      const other = Float64Array.from(kept);
      add(other, overflow.row);
      for (const [queue, entry] of [...entries]) {
        const { row } = entry;
        if (labels.has(queue)) told.set(queue, without(row, entry.hidden));
        else {
          add(other, row);
          if (isGone(queue)) {
            add(kept, row);
            forget(queue);
          } else if (entry.isActive || !entry.hidden) {
            entry.hidden ??= new Float64Array(COLUMNS);
            entry.hidden.set(row);
          }
        }
        entry.isActive = false;
      }
      told.set(OTHER, other);
      return told;
    },

    labelOf: (queue) => (labels.has(queue) ? queue : OTHER),
  };
}

function add(sum: Row, row: Row | undefined): void {
  if (row) for (let at = 0; at < sum.length; at += 1) sum[at]! += row[at]!;
}

function without(row: Row, hidden: Row | undefined): Row {
  return hidden ? row.map((value, at) => value - hidden[at]!) : row;
}
