/** A place in a line, held by who stands there so that it can leave from wherever it stands. */
export interface Place<T> {
  readonly of: T;
  older: Place<T> | undefined;
  newer: Place<T> | undefined;
}

/**
 * Who came first is out first, and whoever stands in between can leave: each in the same time however long the line is. A `Map`
 * would walk over those that have left from its head, and one that others share over all that are not meant.
 */
export class Waitline<T> {
  #oldest: Place<T> | undefined;
  #newest: Place<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get oldest(): T | undefined {
    return this.#oldest?.of;
  }

  /** Adds one at the end. */
  add(of: T): Place<T> {
    const place: Place<T> = { of, older: this.#newest, newer: undefined };
    if (this.#newest) this.#newest.newer = place;
    else this.#oldest = place;
    this.#newest = place;
    this.#size += 1;
    return place;
  }

  /** Takes out who has this place, which is given up with it. */
  leave(place: Place<T>): void {
    const { older, newer } = place;
    if (older) older.newer = newer;
    else this.#oldest = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
    this.#size -= 1;
  }
}
