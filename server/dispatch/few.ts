import { ChurnSet } from '../../shared/churn.ts';
import { SHARED_LANE } from '../model/lane.ts';
import type { Lane } from '../model/task.ts';

/**
 * A set in the order of addition for what mostly has one entry and exists a hundred thousand times: the one is kept
 * without a table. As with ChurnSet, an iteration may go on with the entries as they were when one was added meanwhile.
 */
export class FewSet<T extends object> {
  /** The only entry; undefined too while there is a table. */
  #one: T | undefined;
  #table: ChurnSet<T> | undefined;

  get size(): number {
    if (this.#table) return this.#table.size;
    return this.#one ? 1 : 0;
  }

  has(entry: T): boolean {
    return this.#table ? this.#table.has(entry) : this.#one === entry;
  }

  add(entry: T): void {
    if (this.#table) this.#table.add(entry);
    else if (!this.#one) this.#one = entry;
    else if (this.#one !== entry) {
      this.#table = new ChurnSet();
      this.#table.add(this.#one);
      this.#table.add(entry);
      this.#one = undefined;
    }
  }

  /** Whether the entry was there. */
  delete(entry: T): boolean {
    if (this.#table) return this.#table.delete(entry);
    if (this.#one !== entry) return false;
    this.#one = undefined;
    return true;
  }

  [Symbol.iterator](): IterableIterator<T> {
    if (this.#table) return this.#table[Symbol.iterator]();
    return (this.#one ? [this.#one] : [])[Symbol.iterator]();
  }
}

/** What is known of the lanes of a queue, by lane: of most queues only the shared one, which needs no table. */
export class FewLanes<T extends object> {
  #shared: T | undefined;
  #others: Map<Lane, T> | undefined;

  get size(): number {
    return (this.#shared ? 1 : 0) + (this.#others?.size ?? 0);
  }

  get(lane: Lane): T | undefined {
    return lane === SHARED_LANE ? this.#shared : this.#others?.get(lane);
  }

  set(lane: Lane, value: T): void {
    if (lane === SHARED_LANE) this.#shared = value;
    else {
      this.#others ??= new Map();
      this.#others.set(lane, value);
    }
  }

  delete(lane: Lane): void {
    if (lane === SHARED_LANE) this.#shared = undefined;
    else if (this.#others?.delete(lane) && this.#others.size === 0) this.#others = undefined;
  }

  /** The shared one first; the lanes may change meanwhile. */
  *values(): Iterable<T> {
    if (this.#shared) yield this.#shared;
    if (this.#others) yield* this.#others.values();
  }
}
