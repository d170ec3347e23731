/**
 * ChurnMap and ChurnSet are a map and a set for what comes and goes: entries that live for moments, in a table that
 * lives as long as the process.
 *
 * V8 replaces the table of a `Map` or `Set` again and again while entries are added and deleted, and the replaced one
 * refers to its successor (`OrderedHashTable::Rehash`, for iterators under way). Once one of them is in the old
 * generation, a minor collection therefore keeps the next one, with all entries that it had, and so on with those after
 * it: nearly everything that passes through becomes old, minor collections copy it, and full collections have to come
 * for it. A ChurnMap begins anew, with a table that nothing old refers to, after so many additions that a table has
 * hardly time to become old.
 */

/** Additions between two new tables: few of those that a busy process makes between two minor collections. */
const RENEW_AFTER = 64;
/** A larger map is copied less often, so that copying stays a small part of what adding costs. */
const ADDITIONS_PER_ENTRY = 4;
/** A map beyond that is not copied: it would stop the event loop for milliseconds, and has few replacements. */
const MAX_COPIED = 16_384;

/** As `Map`, but an iteration may go on with the entries as they were when one was added meanwhile. */
export class ChurnMap<K, V> {
  #map = new Map<K, V>();
  #left = RENEW_AFTER;

  get size(): number {
    return this.#map.size;
  }

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  set(key: K, value: V): void {
    const { size } = this.#map;
    this.#map.set(key, value);
    if (this.#map.size === size) return;
    this.#left -= 1;
    if (this.#left > 0) return;
    this.#left = Math.max(RENEW_AFTER, ADDITIONS_PER_ENTRY * size);
    if (size <= MAX_COPIED) this.#map = new Map(this.#map);
  }

  /** Deletes an entry; answers whether it was there. */
  delete(key: K): boolean {
    return this.#map.delete(key);
  }

  clear(): void {
    if (this.#map.size === 0) return;
    this.#map = new Map();
    this.#left = RENEW_AFTER;
  }

  /** The entries in the order in which they were added. */
  keys(): IterableIterator<K> {
    return this.#map.keys();
  }

  values(): IterableIterator<V> {
    return this.#map.values();
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.#map[Symbol.iterator]();
  }
}

/** As `Set`, but an iteration may go on with the entries as they were when one was added meanwhile. */
export class ChurnSet<T> {
  readonly #map = new ChurnMap<T, true>();

  get size(): number {
    return this.#map.size;
  }

  has(entry: T): boolean {
    return this.#map.has(entry);
  }

  add(entry: T): void {
    this.#map.set(entry, true);
  }

  /** Deletes an entry; answers whether it was there. */
  delete(entry: T): boolean {
    return this.#map.delete(entry);
  }

  clear(): void {
    this.#map.clear();
  }

  /** The entries in the order in which they were added. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#map.keys();
  }
}
