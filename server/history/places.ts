import { COLUMN, COLUMNS } from './columns.ts';
import { countEvents, createRing, type Ring, rowOf, saturate } from './ring.ts';
import { KEPT_STEPS } from './timeline.ts';

/** Queues that have a history of their own. Each costs 130 KiB. */
const MAX_OWN = 100;
/** Others whose events are counted apart within a step, of which the most active may get a place. */
const MAX_CANDIDATES = 1_000;
/** Places that change hands at the end of one step. */
const MAX_MOVED = 10;

/** How a queue stands. */
export interface Standing {
  readonly queue: string;
  readonly ready: number;
  readonly scheduled: number;
  readonly running: number;
}

/**
 * Who has a history of its own: the first queues, until there are `maxOwn`. From then on a queue that did more within one step
 * than the quietest of those within the hour takes its place. A queue that had nothing for an hour loses it. All together are
 * counted whoever has a place.
 */
export interface Places {
  /** Where an event of a queue is counted. */
  find(queue: string): Ring;
  readonly own: ReadonlyMap<string, Ring>;
  /** Of queues without a place what is under way alone, and in what step there was something. */
  readonly others: Ring;
  readonly total: Ring;
  /** A step begins that has this slot. */
  clear(slot: number): void;
  /**
   * Notes how all queues stand at the end of a step, and gives places.
   * @param next the first step of which whoever gets one now will have all
   */
  settle(step: number, next: number, standings: readonly Standing[]): void;
  /** The place of a queue, as of an earlier process; undefined: all are taken. */
  restore(queue: string, from: number): Ring | undefined;
}

export function createPlaces(current: () => number, maxOwn: number = MAX_OWN): Places {
  // Bounded by `maxOwn`.
  const own = new Map<string, Ring>();
  const [others, total] = [createRing(0, 0), createRing(0, 0)];
  /** Events of this step by queue: bounded by MAX_CANDIDATES, and thrown away with the step. */
  let candidates = new Map<string, { events: number }>();
  /** The queue that was asked for last: tasks come in batches of one. */
  let last: { readonly queue: string; readonly ring: Ring; readonly candidate: { events: number } | undefined };
  forgetLast();

  function forgetLast(): void {
    last = { queue: '', ring: others, candidate: undefined };
  }

  /** A place for a queue that had none: what it did before is among that of the others, if they did anything. */
  function add(queue: string, next: number): Ring {
    const isFirst = others.activeAt <= current() - KEPT_STEPS;
    const ring = createRing(isFirst ? 0 : next, current());
    own.set(queue, ring);
    return ring;
  }

  function findCandidate(queue: string): { events: number } | undefined {
    const known = candidates.get(queue);
    if (known || candidates.size >= MAX_CANDIDATES) return known;
    const candidate = { events: 0 };
    candidates.set(queue, candidate);
    return candidate;
  }

  function look(queue: string): typeof last {
    const ring = own.get(queue) ?? (own.size < maxOwn ? add(queue, current() + 1) : undefined);
    if (ring) return { queue, ring, candidate: undefined };
    return { queue, ring: others, candidate: findCandidate(queue) };
  }

  /** Places go from those that did the least within the hour to those that did more within a step. */
  function exchange(next: number): void {
    const wanted = [...candidates].sort(([, a], [, b]) => b.events - a.events).slice(0, MAX_MOVED);
    if (wanted.length === 0) return;
    const quietest = [...own].map(([queue, ring]) => ({ queue, events: countEvents(ring) }));
    quietest.sort((a, b) => a.events - b.events);
    for (const [queue, { events }] of wanted) {
      if (own.size >= maxOwn) {
        const least = quietest.shift();
        if (!least || events <= least.events) return;
        own.delete(least.queue);
      }
      add(queue, next);
    }
  }

  function note(ring: Ring, step: number, sum: Uint32Array): void {
    const row = rowOf(ring, step);
    if (row.every((value) => value === 0)) return;
    ring.activeAt = step;
    row.forEach((value, at) => {
      sum[at] = saturate(sum[at]! + value);
    });
  }

  function stand(row: Uint32Array, { ready, scheduled, running }: Standing): void {
    row[COLUMN.ready] = saturate(row[COLUMN.ready]! + ready);
    row[COLUMN.scheduled] = saturate(row[COLUMN.scheduled]! + scheduled);
    row[COLUMN.running] = saturate(row[COLUMN.running]! + running);
  }

  return {
    own,
    others,
    total,
    find(queue) {
      if (queue !== last.queue) last = look(queue);
      if (last.candidate) last.candidate.events += 1;
      return last.ring;
    },
    clear(slot) {
      for (const { numbers } of [total, others, ...own.values()]) {
        numbers.fill(0, slot * COLUMNS, (slot + 1) * COLUMNS);
      }
    },
    settle(step, next, standings) {
      const busy = standings.filter(({ ready, scheduled, running }) => ready + scheduled + running > 0);
      const unplaced = own.size < maxOwn ? busy.filter(({ queue }) => !own.has(queue)) : [];
      unplaced.sort((a, b) => b.ready - a.ready);
      for (const { queue } of unplaced.slice(0, maxOwn - own.size)) add(queue, next);
      for (const ring of [others, ...own.values()]) rowOf(ring, step).fill(0, COLUMN.ready, COLUMN.oldestReadyMs + 1);
      for (const standing of busy) stand(rowOf(own.get(standing.queue) ?? others, step), standing);
      const sum = rowOf(total, step).fill(0);
      for (const ring of [others, ...own.values()]) note(ring, step, sum);
      for (const [queue, { activeAt }] of own) if (activeAt <= step - KEPT_STEPS) own.delete(queue);
      exchange(next);
      candidates = new Map();
      forgetLast();
    },
    restore(queue, from) {
      const known = own.get(queue);
      if (known) known.from = Math.max(known.from, from);
      if (known || own.size >= maxOwn) return known;
      const ring = createRing(from, current());
      own.set(queue, ring);
      return ring;
    },
  };
}
