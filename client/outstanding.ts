/**
 * A bound on the tasks of a producer that are not acknowledged: so many tasks and so many bytes. Whoever comes when it
 * is full waits, in order of arrival. A task that is larger than the whole bound enters when nothing else is there.
 */
export class Outstanding {
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

  /** Counts these in. null: they fitted at once; else a promise that resolves when they do. */
  enter(count: number, bytes: number): Promise<void> | null {
    if (this.#waiting.length === 0 && this.#fits(count, bytes)) {
      this.#take(count, bytes);
      return null;
    }
    return new Promise((enter) => this.#waiting.push({ count, bytes, enter }));
  }

  /** Counts these out, and lets in whoever waits and fits now. */
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

  /** Resolves when the next task would not wait. */
  free(): Promise<void> {
    return this.#isFree() ? Promise.resolve() : new Promise((resolve) => this.#onFree.push(resolve));
  }

  /** Resolves when every task was counted out and nobody waits. */
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
