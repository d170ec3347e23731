import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import { countTasks, type TaskCounter } from '../store/counted.ts';
import type { StoreObserver } from '../store/observed.ts';
import type { Store } from '../store/store.ts';
import { bucketOf, COLUMN, COLUMNS } from './columns.ts';
import { type Frame, type FrameQuery, frameOf, type RingView, readRing } from './frame.ts';
import { createKeeper, type HistoryShelf, type Keeper } from './keeper.ts';
import { createPlaces, type Places } from './places.ts';
import { type Ring, rowOf, saturate } from './ring.ts';
import { createTimeline, slotOf, type Timeline } from './timeline.ts';

/** Of one step, when nobody says otherwise. */
export const STEP_MS = 10_000;
/** Priorities that are looked at for the oldest task. */
const MAX_PRIORITIES = 32;

/** What the history reads of the store at the end of a step. */
export type HistorySource = Pick<Store, 'countQueues' | 'listOldest'> & HistoryShelf;

/**
 * The last hour in steps: what was done with the tasks of each queue and of all, how long they waited and ran, and how the
 * queues stood at the end of each step. What happens is counted where it is committed, as one addition in a ring of numbers;
 * everything else is done once a step.
 */
export interface History extends HistoryReader {
  /** Counts what the store commits, from when it is opened. */
  readonly observer: StoreObserver;
  /** Goes on with what the node has kept in the store, and looks at it at the end of each step from now on. */
  start(store: HistorySource, node: string): Promise<void>;
  /** Looks a last time, and keeps what is known, before the store is closed. */
  close(): Promise<void>;
}

/** What may be asked of it. */
export interface HistoryReader {
  readonly stepMs: number;
  /** The steps of an answer: each is of one moment, and is to be read within a step. */
  frame(query: FrameQuery): Frame;
  /** Queues that have a history of their own. */
  queues(): readonly string[];
  /** Of one queue; undefined: it has none of its own. */
  readQueue(queue: string, frame: Frame): RingView | undefined;
  /** Of all queues together. What is the oldest is known of those that have a history of their own. */
  readTotal(frame: Frame): RingView;
}

export interface HistoryOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stepMs: number;
  /** Queues with a history of their own. Default: 100. */
  readonly maxOwn?: number;
}

export function createHistory({ clock, logger, stepMs, maxOwn }: HistoryOptions): History {
  let timeline: Timeline;
  let places: Places;
  /** Where the row of the current step begins in each ring. */
  let base: number;
  let countedSince: number;
  let cancelTimer = (): void => undefined;
  let turning: Promise<void> | undefined;
  let source: HistorySource | undefined;
  let keeper: Keeper | undefined;
  begin();

  /** Nothing is known, and counting begins. */
  function begin(): void {
    timeline = createTimeline(stepMs, clock.now());
    places = createPlaces(() => timeline.current, maxOwn);
    base = slotOf(timeline.current) * COLUMNS;
    countedSince = clock.monotonic();
  }

  const counter: TaskCounter = {
    enqueued(queue) {
      places.find(queue).numbers[base + COLUMN.enqueued]! += 1;
    },
    claimed(queue, waitMs) {
      const { numbers } = places.find(queue);
      numbers[base + COLUMN.claimed]! += 1;
      if (waitMs !== null) numbers[base + COLUMN.wait + bucketOf(waitMs)]! += 1;
    },
    settled(queue, state, runMs) {
      const { numbers } = places.find(queue);
      numbers[base + COLUMN[state]]! += 1;
      if (runMs !== null) numbers[base + COLUMN.run + bucketOf(runMs)]! += 1;
    },
  };

  /** Ends the step that is under way, if the clock says so. */
  async function turn(from: HistorySource, isLast: boolean): Promise<void> {
    const next = Math.floor(clock.now() / stepMs);
    // A clock that was put right by a little is caught up with; one that was set back makes nonsense of what is known.
    if (next < timeline.current - 1) return begin();
    if (next <= timeline.current && !isLast) return;
    const ended = timeline.current;
    const at = clock.monotonic();
    const ms = at - countedSince;
    countedSince = at;
    if (next > ended) {
      timeline.advance(next, places.clear);
      base = slotOf(next) * COLUMNS;
    }
    const standings = await from.countQueues();
    places.settle(ended, timeline.current + 1, standings);
    await noteOldest(from, ended);
    // A step whose end nobody has seen stays a gap.
    timeline.cover(ended, ms);
  }

  async function noteOldest(from: HistorySource, step: number): Promise<void> {
    const all = rowOf(places.total, step);
    for (const [queue, ring] of [...places.own]) {
      const row = rowOf(ring, step);
      if (row[COLUMN.ready] === 0) continue;
      const oldest = await from.listOldest(queue, MAX_PRIORITIES);
      const createdAt = oldest.reduce((least, one) => Math.min(least, one.createdAt), Number.POSITIVE_INFINITY);
      row[COLUMN.oldestReadyMs] = oldest.length > 0 ? saturate(clock.now() - createdAt) : 0;
      all[COLUMN.oldestReadyMs] = Math.max(all[COLUMN.oldestReadyMs]!, row[COLUMN.oldestReadyMs]!);
    }
  }

  async function turnOrTell(from: HistorySource, isLast: boolean): Promise<void> {
    try {
      await turn(from, isLast);
    } catch (error) {
      logger.warn({ err: error }, 'a step of the history is a gap, since the queues could not be counted');
    }
    await keeper?.keep(timeline, places, isLast);
  }

  function arm(from: HistorySource): void {
    const leftMs = (timeline.current + 1) * stepMs - clock.now();
    cancelTimer = clock.after(Math.max(1, Math.min(leftMs, stepMs)), () => {
      turning = turnOrTell(from, false).then(() => {
        if (source) arm(from);
      });
    });
  }

  const view = (ring: Ring, frame: Frame): RingView => readRing(ring, frame, stepMs);

  return {
    stepMs,
    observer: {
      committed(requests, answers) {
        requests.forEach((request, at) => {
          if (!(answers[at] instanceof ContactError)) countTasks(request, answers[at], counter, clock.now);
        });
      },
      synced: () => undefined,
    },
    async start(store, node) {
      source = store;
      keeper = createKeeper(store, node, logger);
      await keeper.restore(timeline, places);
      arm(store);
    },
    frame: (query) => frameOf(timeline, query),
    queues: () => [...places.own.keys()],
    readQueue(queue, frame) {
      const ring = places.own.get(queue);
      return ring && view(ring, frame);
    },
    readTotal: (frame) => view(places.total, frame),
    async close() {
      const from = source;
      source = undefined;
      cancelTimer();
      await turning;
      if (from) await turnOrTell(from, true);
    },
  };
}
