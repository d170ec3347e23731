import type { Buffer } from 'node:buffer';
import { type Frame, MAX_CHUNK_BYTES } from './frame.ts';
import { costOf } from './window.ts';

/** A chunk of a message, as it is handed on. */
export interface Chunk {
  /** A view into the batch that it came in: who keeps it copies it. */
  readonly bytes: Buffer;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** The bytes of the whole message. */
  readonly messageBytes: number;
  readonly isCompressed: boolean;
  /** What it has cost, to be given back when the consumer has taken it. */
  readonly cost: number;
}

/** Why a chunk is not taken. */
export type ChunkFault = 'oversize' | 'malformed';

/** Follows the chunks of the messages of one call and direction, and holds them to the length that the first has told. */
export class ChunkCheck {
  readonly #maxMessageBytes: number;
  /** Bytes that are to come of the message that goes on; 0: none does. */
  #left = 0;
  #messageBytes = 0;
  #isCompressed = false;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** The message is not whole yet. */
  get isInside(): boolean {
    return this.#left > 0;
  }

  take(data: Buffer, { size, more, compressed }: Frame): Chunk | ChunkFault {
    const bytes = data.byteLength;
    const isFirst = this.#left === 0;
    if (bytes > MAX_CHUNK_BYTES || (more && bytes === 0)) return 'malformed';
    if (isFirst) {
      if (more ? size <= bytes : size !== 0 && size !== bytes) return 'malformed';
      this.#messageBytes = more ? size : bytes;
      if (this.#messageBytes > this.#maxMessageBytes) return 'oversize';
      this.#left = this.#messageBytes - bytes;
      this.#isCompressed = compressed;
    } else {
      if (size !== 0 || compressed || bytes > this.#left || more !== bytes < this.#left) return 'malformed';
      this.#left -= bytes;
    }
    return {
      bytes: data,
      isFirst,
      isLast: !more,
      messageBytes: this.#messageBytes,
      isCompressed: this.#isCompressed,
      cost: costOf(bytes, !more),
    };
  }
}
