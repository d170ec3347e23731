import { Buffer } from 'node:buffer';
import type { Chunk } from '../../tunnel/chunks.ts';
import { WINDOW_BYTES } from '../../tunnel/frame.ts';

interface Message {
  readonly bytes: Buffer;
  /** Not given back yet. */
  readonly cost: number;
}

/**
 * A message that is not larger has memory set aside for all of it with its first chunk, as much as its window lets come in
 * any case; of a larger one the chunks are kept, and put together once they are all there.
 */
const PLACED_BYTES = WINDOW_BYTES;

/** Chunks that are smaller are put together: one may be a byte, and a buffer costs a hundred beside its own. */
const SMALL_BYTES = 1_024;
const BLOCK_BYTES = 8_192;
const NO_ROOM = Buffer.alloc(0);

/**
 * The messages that came for one call, put together from their chunks. What they have cost is given back when the
 * consumer takes them; that of a message that is not whole is as soon as the consumer waits for it, or one larger than
 * the window would never become whole.
 */
export class Inbox {
  readonly #giveBack: (cost: number) => void;
  // Both bounded by the window of the call, as long as nobody waits; a message that somebody waits for by the largest
  // that is taken.
  readonly #messages: Message[] = [];
  /** Room for the message that is not whole yet, unless it is too large for that, and how much of it is there. */
  #place: Buffer | undefined;
  #filledBytes = 0;
  /** The parts of a message that is too large for that. */
  #parts: Buffer[] = [];
  /** Room behind the last of the parts, if that was put together of small chunks. */
  #room = NO_ROOM;
  #partsCost = 0;
  #waiting: PromiseWithResolvers<Buffer | undefined> | undefined;
  #isEnded = false;
  #failure: Error | undefined;

  constructor(giveBack: (cost: number) => void) {
    this.#giveBack = giveBack;
  }

  add({ bytes, isFirst, isLast, messageBytes, cost }: Chunk): void {
    if (isFirst && messageBytes <= PLACED_BYTES) this.#place = Buffer.allocUnsafe(messageBytes);
    // A copy in any case: the batch that it came in would stay as long as it does.
    if (this.#place) this.#filledBytes += bytes.copy(this.#place, this.#filledBytes);
    else this.#keep(bytes);
    if (this.#waiting) this.#giveBack(cost);
    else this.#partsCost += cost;
    if (!isLast) return;
    const message = { bytes: this.#place ?? Buffer.concat(this.#parts), cost: this.#partsCost };
    this.#place = undefined;
    this.#filledBytes = 0;
    this.#parts = [];
    this.#room = NO_ROOM;
    this.#partsCost = 0;
    if (!this.#waiting) {
      this.#messages.push(message);
      return;
    }
    this.#waiting.resolve(message.bytes);
    this.#waiting = undefined;
  }

  #keep(bytes: Buffer): void {
    const count = bytes.byteLength;
    if (count >= SMALL_BYTES) {
      this.#parts.push(Buffer.from(bytes));
      this.#room = NO_ROOM;
      return;
    }
    if (this.#room.byteLength < count) {
      this.#room = Buffer.allocUnsafe(BLOCK_BYTES);
      this.#parts.push(this.#room.subarray(0, 0));
    }
    bytes.copy(this.#room);
    this.#room = this.#room.subarray(count);
    const { buffer, byteOffset, byteLength } = this.#parts.pop()!;
    this.#parts.push(Buffer.from(buffer, byteOffset, byteLength + count));
  }

  /** Nothing comes any more. */
  end(): void {
    this.#isEnded = true;
    this.#waiting?.resolve(undefined);
    this.#waiting = undefined;
  }

  /** The call is over: who waits, or asks, is told so. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#messages.length = 0;
    this.#parts = [];
    this.#place = undefined;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  /** The next message; undefined: there is none any more. One question at a time. */
  next(): Promise<Buffer | undefined> {
    if (this.#failure) return Promise.reject(this.#failure);
    const message = this.#messages.shift();
    if (message) {
      this.#giveBack(message.cost);
      return Promise.resolve(message.bytes);
    }
    if (this.#isEnded) return Promise.resolve(undefined);
    this.#waiting ??= Promise.withResolvers();
    const cost = this.#partsCost;
    this.#partsCost = 0;
    if (cost > 0) this.#giveBack(cost);
    return this.#waiting.promise;
  }
}
