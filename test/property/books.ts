import type { Delivery } from '../../server/model/task.ts';
import type { Line } from './line.ts';

/** What was seen and said from outside, kept as plainly as possible: what every promise is held against. */
export interface Books {
  /** Ids of tasks whose enqueue was answered. */
  readonly acknowledged: Set<string>;
  /** Every delivery that was pushed to anybody, in order. */
  readonly pushed: Delivery[];
  /** The number of the newest delivery pushed of each task. */
  readonly newest: Map<string, number>;
  /** Deliveries whose work began as far as the server was told, by task, since it was last redriven. */
  readonly begun: Map<string, Set<number>>;
  /** Deliveries that ended by a word that the server said it stored. */
  readonly stored: Set<string>;
  /** Results said with a success, by delivery; those that were stored. */
  readonly succeeded: Map<string, string>;
  /** Times that a task was made ready again after it failed. */
  readonly redriven: Map<string, number>;
  /** Until when, monotonic, a delivery may run although its line is over. */
  readonly lostUntil: Map<string, number>;
  /** Words under way: their deliveries may count as accounted for or not. */
  readonly underWay: Map<string, number>;
  readonly lines: Set<Line>;
  readonly paused: Set<string>;
  hasJumped: boolean;
  /** Promises broken between two rests. */
  readonly complaints: string[];
}

export function createBooks(): Books {
  return {
    acknowledged: new Set(),
    pushed: [],
    newest: new Map(),
    begun: new Map(),
    stored: new Set(),
    succeeded: new Map(),
    redriven: new Map(),
    lostUntil: new Map(),
    underWay: new Map(),
    lines: new Set(),
    paused: new Set(),
    hasJumped: false,
    complaints: [],
  };
}

export function nameOf({ taskId, delivery }: Delivery): string {
  return `${taskId} ${delivery}`;
}

export function begin({ begun }: Books, { taskId, delivery }: Delivery): void {
  begun.set(taskId, (begun.get(taskId) ?? new Set()).add(delivery));
}

/** Deliveries that the server still counts against a line's credit, words under way left out. */
export function openCount({ underWay }: Books, line: Line): number {
  return [...line.open.keys()].filter((name) => !underWay.has(name)).length;
}
