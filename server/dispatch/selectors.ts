import { ContactError } from '../../shared/errors.ts';
import { selectorOf } from '../model/lane.ts';
import { parseSelector, type Selector } from '../model/selector.ts';
import type { LaneRef } from '../model/task.ts';

/** Distinct live selectors of one queue: whose producers use them up, only their own queue is full. */
export const MAX_QUEUE_SELECTORS = 1_000;

/** Over all queues. */
export const MAX_SELECTORS = 20_000;

/**
 * The selectors that tasks wait for: a session draws from the lane of each that its labels match, whether the selector
 * or the session came first.
 */
export interface SelectorTable {
  /** Lanes of these queues whose selector matches the labels. */
  lanesFor(queues: readonly string[], labels: Readonly<Record<string, string>>): LaneRef[];
  /** Knows it from now on. Undefined: it did already. RESOURCE_EXHAUSTED: too many. */
  add(lane: LaneRef): Selector | undefined;
  /** One more for this queue is refused. */
  isFull(queue: string): boolean;
  has(lane: LaneRef): boolean;
  /** Keeps these only: the others have no tasks any more. */
  retain(lanes: readonly LaneRef[]): void;
  readonly size: number;
}

export function createSelectorTable(): SelectorTable {
  const selectorsByQueue = new Map<string, Map<string, Selector>>();
  let size = 0;

  function put({ queue, lane }: LaneRef): Selector {
    const selector = parseSelector(selectorOf(lane), 'selector');
    const selectors = selectorsByQueue.get(queue) ?? new Map<string, Selector>();
    selectorsByQueue.set(queue, selectors.set(lane, selector));
    size += 1;
    return selector;
  }

  const has = ({ queue, lane }: LaneRef): boolean => selectorsByQueue.get(queue)?.has(lane) ?? false;

  const isFull = (queue: string): boolean =>
    size >= MAX_SELECTORS || (selectorsByQueue.get(queue)?.size ?? 0) >= MAX_QUEUE_SELECTORS;

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
        const count = Math.min(MAX_QUEUE_SELECTORS, size);
        const message = `selector: ${count} different selectors have waiting tasks in ${lane.queue} already`;
        throw new ContactError('RESOURCE_EXHAUSTED', message, { retryAfterMs: 60_000 });
      }
      return put(lane);
    },
    has,
    retain(lanes) {
      selectorsByQueue.clear();
      size = 0;
      for (const lane of lanes) put(lane);
    },
    get size() {
      return size;
    },
  };
}
