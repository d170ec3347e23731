/**
 * A bound on what is on its way: so many items and so many bytes. Who comes when it is full waits, in order of
 * arrival. One that is larger than the whole room gets in when it is empty.
 */
export class Room {
  readonly #maxCount: number;
  readonly #maxBytes: number;
  #count = 0;
  #bytes = 0;
  readonly #waiting: { readonly count: number; readonly bytes: number; readonly enter: () => void }[] = [];
  #onFree: (() => void)[] = [];
  #onEmpty: (() => void)[] = [];

  constructor(maxCount: number, maxBytes: number) {
    this.#maxCount = maxCount;
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#count;
  }

  /** Takes a place; null: there was one, else a promise of it. */
  enter(count: number, bytes: number): Promise<void> | null {
    if (this.#waiting.length === 0 && this.#fits(count, bytes)) {
      this.#take(count, bytes);
      return null;
    }
    return new Promise((enter) => this.#waiting.push({ count, bytes, enter }));
  }

  leave(count: number, bytes: number): void {
    this.#count -= count;
    this.#bytes -= bytes;
    while (this.#waiting.length > 0 && this.#fits(this.#waiting[0]!.count, this.#waiting[0]!.bytes)) {
      const next = this.#waiting.shift()!;
      this.#take(next.count, next.bytes);
      next.enter();
    }
    if (this.#isFree()) this.#onFree = tell(this.#onFree);
    if (this.#count === 0) this.#onEmpty = tell(this.#onEmpty);
  }

  /** Resolves when the next one would not wait. */
  free(): Promise<void> {
    return this.#isFree() ? Promise.resolve() : new Promise((resolve) => this.#onFree.push(resolve));
  }

  /** Resolves when nothing is on its way and nobody waits. */
  empty(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  #isFree(): boolean {
    return this.#waiting.length === 0 && this.#count < this.#maxCount && this.#bytes < this.#maxBytes;
  }

  #fits(count: number, bytes: number): boolean {
    if (this.#count === 0) return true;
    return this.#count + count <= this.#maxCount && this.#bytes + bytes <= this.#maxBytes;
  }

  #take(count: number, bytes: number): void {
    this.#count += count;
    this.#bytes += bytes;
  }
}

function tell(listeners: (() => void)[]): [] {
  for (const listener of listeners) listener();
  return [];
}
