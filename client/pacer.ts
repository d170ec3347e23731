import { ChurnSet } from '../shared/churn.ts';
import type { Clock } from '../shared/clock.ts';

/** Timers of items that come soon after each other are one. */
const GRAIN_MS = 25;

/**
 * Lets each item go at once and then at most once in an interval: whatever is offered meanwhile goes as one, when the
 * interval is over. Bounded by the items, of which the owner has a bounded number.
 */
export class Pacer<T extends object> {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #onDue: () => void;
  readonly #due = new ChurnSet<T>();
  readonly #early = new ChurnSet<T>();
  readonly #wentAt = new WeakMap<T, number>();
  #cancelTimer: (() => void) | null = null;

  /** @param onDue something may go that could not a moment ago */
  constructor(clock: Clock, intervalMs: number, onDue: () => void) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#onDue = onDue;
  }

  get hasDue(): boolean {
    return this.#due.size > 0;
  }

  /** Items that may go, in the order they were offered. */
  due(): Iterable<T> {
    return this.#due;
  }

  /** Lets an item go now or when its interval is over. */
  offer(item: T): void {
    if (this.#due.has(item) || this.#early.has(item)) return;
    if (this.#leftMs(item) > 0) {
      this.#early.add(item);
      this.#arm();
    } else {
      this.#due.add(item);
      this.#onDue();
    }
  }

  /** Notes that an item has gone. */
  went(item: T): void {
    this.#due.delete(item);
    this.#wentAt.set(item, this.#clock.monotonic());
  }

  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#due.clear();
    this.#early.clear();
  }

  #leftMs(item: T): number {
    const wentAt = this.#wentAt.get(item);
    return wentAt === undefined ? 0 : wentAt + this.#intervalMs - this.#clock.monotonic();
  }

  #arm(): void {
    if (this.#cancelTimer || this.#early.size === 0) return;
    let waitMs = this.#intervalMs;
    for (const item of this.#early) waitMs = Math.min(waitMs, this.#leftMs(item));
    this.#cancelTimer = this.#clock.after(Math.max(Math.min(GRAIN_MS, this.#intervalMs), waitMs), () => this.#look());
  }

  #look(): void {
    this.#cancelTimer = null;
    for (const item of this.#early) {
      if (this.#leftMs(item) > 0) continue;
      this.#early.delete(item);
      this.#due.add(item);
    }
    this.#arm();
    if (this.hasDue) this.#onDue();
  }
}
