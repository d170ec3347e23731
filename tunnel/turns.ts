/** What waits for its turn; it is in the line at most once. */
export interface Waiting {
  isWaiting: boolean;
}

/** Places before the front that are let go of together. */
const SPENT = 1_024;

/** Who has something to say, in turns: whoever has had one goes to the end of the line. */
export class Turns<T extends Waiting> {
  // Bounded by the calls that are open, as each is in it once.
  readonly #line: (T | undefined)[] = [];
  #front = 0;

  get isEmpty(): boolean {
    return this.#front === this.#line.length;
  }

  add(one: T): void {
    if (one.isWaiting) return;
    one.isWaiting = true;
    this.#line.push(one);
  }

  next(): T | undefined {
    const one = this.#line[this.#front];
    if (!one) return undefined;
    this.#line[this.#front] = undefined;
    this.#front += 1;
    if (this.isEmpty) {
      this.#line.length = 0;
      this.#front = 0;
    } else if (this.#front >= SPENT && 2 * this.#front >= this.#line.length) {
      this.#line.splice(0, this.#front);
      this.#front = 0;
    }
    one.isWaiting = false;
    return one;
  }
}
