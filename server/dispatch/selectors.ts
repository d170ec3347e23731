import { ContactError } from '../../shared/errors.ts';
import { holdersOf, nameHolder } from '../model/caller.ts';
import { selectorOf } from '../model/lane.ts';
import { parseSelector, type Selector } from '../model/selector.ts';
import type { LaneRef } from '../model/task.ts';

/** Distinct live selectors of one queue, so that producers who use them up fill only their own queue. */
export const MAX_QUEUE_SELECTORS = 1_000;

/**
 * Selectors of each queue that are always taken, so that nobody is shut out. Names of queues have a bound of their own.
 */
const FREE_SELECTORS = 4;

/** Of each of these bounds, the part that one principal may have. */
const SHARE = 1 / 2;

/** When one more selector is worth trying again. */
const COME_AGAIN_MS = 60_000;

/** Selectors of all queues beyond those. */
export const MAX_SELECTORS = 20_000;

/** As many selectors as there can be in a store that takes 100,000 names of queues. */
export const MOST_SELECTORS = MAX_SELECTORS + 100_000 * FREE_SELECTORS;

/**
 * The selectors that tasks wait for: a session draws from the lane of each that its labels match, whether the selector
 * or the session came first.
 */
export interface SelectorTable {
  /** The lanes of these queues whose selector matches the labels. */
  lanesFor(queues: readonly string[], labels: Readonly<Record<string, string>>): LaneRef[];
  /**
   * Learns the selector of a lane, as one of this principal ('': of nobody in particular). Undefined: it is known already.
   * RESOURCE_EXHAUSTED: too many, or too many of this principal.
   */
  add(lane: LaneRef, principal: string): Selector | undefined;
  /** Whether one more selector of this principal for this queue is refused. */
  isFull(queue: string, principal: string): boolean;
  has(lane: LaneRef): boolean;
  /** Forgets all but these: the others have no tasks any more. One that was not known is nobody's. */
  retain(lanes: readonly LaneRef[]): void;
  readonly size: number;
}

interface Entry {
  readonly selector: Selector;
  /** For whom it counts: who added it, and the operator that has made that one; none, as of those that were there before this server. */
  readonly holders: readonly string[];
  /** It is not among the free ones of its queue. */
  readonly isCounted: boolean;
}

export interface SelectorBounds {
  /** A principal would have had more than its share. */
  readonly onReached?: (() => void) | undefined;
  /** The operator, one who may not do everything, that has made a principal; '': none has. Default: none. */
  readonly makerOf?: ((principal: string) => string) | undefined;
}

export function createSelectorTable({
  onReached = () => undefined,
  makerOf = () => '',
}: SelectorBounds = {}): SelectorTable {
  let entriesByQueue = new Map<string, Map<string, Entry>>();
  let size = 0;
  /** Selectors that are not among the free ones of their queue, of all and of each principal. */
  let counted = 0;
  const countedBy = new Map<string, number>();

  const findHolders = (principal: string): readonly string[] =>
    holdersOf({ principal, countedFor: makerOf(principal) || principal });

  function put({ queue, lane }: LaneRef, holders: readonly string[]): Selector {
    const selector = parseSelector(selectorOf(lane), 'selector');
    const entries = entriesByQueue.get(queue) ?? new Map<string, Entry>();
    const isCounted = entries.size >= FREE_SELECTORS;
    entriesByQueue.set(queue, entries.set(lane, { selector, holders, isCounted }));
    size += 1;
    if (isCounted) {
      counted += 1;
      for (const holder of holders) countedBy.set(holder, (countedBy.get(holder) ?? 0) + 1);
    }
    return selector;
  }

  const has = ({ queue, lane }: LaneRef): boolean => entriesByQueue.get(queue)?.has(lane) ?? false;

  const countOf = (queue: string): number => entriesByQueue.get(queue)?.size ?? 0;

  function isFullForAll(queue: string): boolean {
    const count = countOf(queue);
    return count >= MAX_QUEUE_SELECTORS || (count >= FREE_SELECTORS && counted >= MAX_SELECTORS);
  }

  /** Which of the holders has its share, as who is refused reads it; undefined: none. The free ones of a queue are nobody's share. */
  function findFull(queue: string, holders: readonly string[]): string | undefined {
    if (countOf(queue) < FREE_SELECTORS) return undefined;
    const at = holders.findIndex((holder) => {
      if ((countedBy.get(holder) ?? 0) >= MAX_SELECTORS * SHARE) return true;
      let count = 0;
      for (const entry of entriesByQueue.get(queue)!.values()) if (entry.holders.includes(holder)) count += 1;
      return count >= MAX_QUEUE_SELECTORS * SHARE;
    });
    return at < 0 ? undefined : `${nameHolder(holders, at)} ${at === 0 ? 'has' : 'have'}`;
  }

  function refuse(queue: string, who: string): ContactError {
    const problem = `${who} in ${queue} already, ${size} in all queues`;
    return new ContactError('RESOURCE_EXHAUSTED', problem, { field: 'selector', retryAfterMs: COME_AGAIN_MS });
  }

  return {
    isFull: (queue, principal) => isFullForAll(queue) || findFull(queue, findHolders(principal)) !== undefined,
    lanesFor: (queues, labels) =>
      queues.flatMap((queue) =>
        [...(entriesByQueue.get(queue) ?? [])]
          .filter(([, { selector }]) => selector.matches(labels))
          .map(([lane]) => ({ queue, lane })),
      ),
    add(lane, principal) {
      if (has(lane)) return undefined;
      const { queue } = lane;
      if (isFullForAll(queue)) throw refuse(queue, `${countOf(queue)} different selectors have waiting tasks`);
      const holders = findHolders(principal);
      const full = findFull(queue, holders);
      if (full !== undefined) {
        onReached();
        throw refuse(queue, `${full} as many different selectors with waiting tasks as one principal may`);
      }
      return put(lane, holders);
    },
    has,
    retain(lanes) {
      const before = entriesByQueue;
      entriesByQueue = new Map();
      size = 0;
      counted = 0;
      countedBy.clear();
      for (const lane of lanes) put(lane, before.get(lane.queue)?.get(lane.lane)?.holders ?? []);
    },
    get size() {
      return size;
    },
  };
}
