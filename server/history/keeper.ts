import type { Logger } from '../../shared/logger.ts';
import type { Store } from '../store/store.ts';
import type { Places } from './places.ts';
import { hasRows, readRecord, writeRecord } from './record.ts';
import { KEPT_STEPS, type Timeline } from './timeline.ts';

/** Steps that are kept at a time: a minute of those of ten seconds, which a process that is killed loses at most. */
const KEPT_AT_ONCE = 6;

/** Where the history is kept. */
export type HistoryShelf = Pick<Store, 'keepHistory' | 'listHistory' | 'capabilities'>;

/** Keeps the history in the store, so that it goes on after a restart. */
export interface Keeper {
  /** Takes over what an earlier process of this node has left. */
  restore(timeline: Timeline, places: Places): Promise<void>;
  /** Keeps the steps that have ended and are not kept yet, if there are enough of them. @param isLast however few there are */
  keep(timeline: Timeline, places: Places, isLast: boolean): Promise<void>;
}

export function createKeeper(store: HistoryShelf, node: string, logger: Logger): Keeper {
  const { isDurable } = store.capabilities;
  /** The newest step that is kept. */
  let keptTo = 0;

  return {
    async restore(timeline, places) {
      keptTo = timeline.current - 1;
      if (!isDurable) return;
      const { stepMs, current } = timeline;
      try {
        for (const { until, bytes } of await store.listHistory(node, (current - KEPT_STEPS) * stepMs)) {
          const first = await readRecord(timeline, places, bytes);
          // One that ends with the step under way is written anew, as a whole.
          if (first !== undefined && until > current * stepMs) keptTo = Math.min(keptTo, first - 1);
        }
      } catch (error) {
        logger.warn({ err: error }, 'what was kept of the last hour cannot be read: its history begins anew');
      }
    },

    async keep(timeline, places, isLast) {
      const { newest, stepMs, current } = timeline;
      // The clock was set back.
      if (keptTo > newest + 1) keptTo = newest;
      if (!isDurable || newest <= keptTo || (!isLast && newest - keptTo < KEPT_AT_ONCE)) return;
      const first = Math.max(keptTo + 1, newest - KEPT_STEPS + 1);
      // Steps without anything wait for one that has something, so that a server at rest leaves its disk at rest.
      if (!isLast && !hasRows(places, first, newest)) return;
      try {
        const bytes = await writeRecord(timeline, places, first, newest);
        const record = { node, from: first * stepMs, until: (newest + 1) * stepMs, bytes };
        await store.keepHistory(record, (current - KEPT_STEPS) * stepMs);
        keptTo = newest;
      } catch (error) {
        logger.warn({ err: error }, 'the last minutes of the history are not kept');
      }
    },
  };
}
