import { MAX_CHUNK_BYTES, MESSAGE_COST } from './frame.ts';

// The windows of one call and direction. The sender spends and is given back; the receiver counts the same, so that it
// notices a sender that takes more than it has. Neither is ever below 0.

/** What a chunk costs. */
export function costOf(bytes: number, isLast: boolean): number {
  return isLast ? bytes + MESSAGE_COST : bytes;
}

/** What the sender may still send. */
export class SendWindow {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  get left(): number {
    return this.#left;
  }

  /** Whether `take` would answer a chunk. */
  fits(leftOfPiece: number, isLast: boolean): boolean {
    const bytes = Math.min(leftOfPiece, MAX_CHUNK_BYTES);
    return costOf(bytes, isLast && bytes === leftOfPiece) <= this.#left;
  }

  /**
   * Takes the next chunk of a piece of which so many bytes are left, and answers how many it has; undefined: it does
   * not fit. A chunk is never made smaller to fit: the receiver gives back half of a window at a time, and every chunk
   * fits into that, so the wait ends and no trickle of small chunks begins.
   */
  take(leftOfPiece: number, isLast: boolean): number | undefined {
    if (!this.fits(leftOfPiece, isLast)) return undefined;
    const bytes = Math.min(leftOfPiece, MAX_CHUNK_BYTES);
    this.#left -= costOf(bytes, isLast && bytes === leftOfPiece);
    return bytes;
  }

  /** The receiver has given back so much. False: more than it ever had, which no receiver may say. */
  give(bytes: number, mostBytes: number): boolean {
    this.#left += bytes;
    return this.#left <= mostBytes;
  }
}

/** What the sender may still send, as the receiver counts it, and what there is to be given back. */
export class ReceiveWindow {
  readonly #bytes: number;
  #left: number;
  #taken = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
    this.#left = bytes;
  }

  get left(): number {
    return this.#left;
  }

  /** A chunk has come. False: the sender has taken more than it had. */
  spend(cost: number): boolean {
    if (cost > this.#left) return false;
    this.#left -= cost;
    return true;
  }

  /** The consumer has taken so much of it. */
  take(cost: number): void {
    this.#taken += cost;
  }

  /** Half of the window can be given back. */
  get isDue(): boolean {
    return this.#taken >= this.#bytes / 2;
  }

  /** What is to be given back, which the sender has from now on; 0: it is not worth a frame yet. */
  giveBack(): number {
    if (!this.isDue) return 0;
    const bytes = this.#taken;
    this.#left += bytes;
    this.#taken = 0;
    return bytes;
  }
}
