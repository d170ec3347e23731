import { ContactError } from '../../shared/errors.ts';
import { selectorOf } from '../model/lane.ts';
import { parseSelector, type Selector } from '../model/selector.ts';
import type { LaneRef } from '../model/task.ts';

/** Distinct live selectors of one queue, so that producers who use them up fill only their own queue. */
export const MAX_QUEUE_SELECTORS = 1_000;

/**
 * Selectors of each queue that are always taken, so that nobody is shut out. Names of queues have a bound of their own.
 */
const FREE_SELECTORS = 4;

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
  /** Learns the selector of a lane. Undefined: it is known already. RESOURCE_EXHAUSTED: too many. */
  add(lane: LaneRef): Selector | undefined;
  /** Whether one more selector for this queue is refused. */
  isFull(queue: string): boolean;
  has(lane: LaneRef): boolean;
  /** Forgets all but these: the others have no tasks any more. */
  retain(lanes: readonly LaneRef[]): void;
  readonly size: number;
}

export function createSelectorTable(): SelectorTable {
  const selectorsByQueue = new Map<string, Map<string, Selector>>();
  let size = 0;
  /** Selectors that are not among the free ones of their queue. */
  let counted = 0;

  function put({ queue, lane }: LaneRef): Selector {
    const selector = parseSelector(selectorOf(lane), 'selector');
    const selectors = selectorsByQueue.get(queue) ?? new Map<string, Selector>();
    selectorsByQueue.set(queue, selectors.set(lane, selector));
    size += 1;
    if (selectors.size > FREE_SELECTORS) counted += 1;
    return selector;
  }

  const has = ({ queue, lane }: LaneRef): boolean => selectorsByQueue.get(queue)?.has(lane) ?? false;

  const countOf = (queue: string): number => selectorsByQueue.get(queue)?.size ?? 0;

  const isFull = (queue: string): boolean => {
    const count = countOf(queue);
    return count >= MAX_QUEUE_SELECTORS || (count >= FREE_SELECTORS && counted >= MAX_SELECTORS);
  };

  return {
    isFull,
    lanesFor: (queues, labels) =>
      queues.flatMap((queue) =>
        [...(selectorsByQueue.get(queue) ?? [])]
          .filter(([, selector]) => selector.matches(labels))
          .map(([lane]) => ({ queue, lane })),
      ),
    add(lane) {
      if (has(lane)) return undefined;
      if (isFull(lane.queue)) {
        const count = `${countOf(lane.queue)} different selectors`;
        const problem = `${count} have waiting tasks in ${lane.queue} already, ${size} in all queues`;
        throw new ContactError('RESOURCE_EXHAUSTED', problem, { field: 'selector', retryAfterMs: COME_AGAIN_MS });
      }
      return put(lane);
    },
    has,
    retain(lanes) {
      selectorsByQueue.clear();
      size = 0;
      counted = 0;
      for (const lane of lanes) put(lane);
    },
    get size() {
      return size;
    },
  };
}
