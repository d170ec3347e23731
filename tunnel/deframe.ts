import { Buffer } from 'node:buffer';
import type { Chunk } from './chunks.ts';

/** A part of a message as it came over a connection, without the prefix of its length. */
export interface MessagePart {
  /** A view into what came. */
  readonly bytes: Buffer;
  /** The bytes of the whole message, where this part is its beginning. */
  readonly messageBytes: number | undefined;
  readonly isLast: boolean;
  readonly isCompressed: boolean;
}

/** The bytes before each message in gRPC: a flag, and its length. */
export const PREFIX_BYTES = 5;

/** A chunk as it stands in the body of a call of gRPC. A copy in any case: the batch that it came in is much larger. */
export function frameChunk({ bytes, isFirst, messageBytes, isCompressed }: Omit<Chunk, 'cost' | 'isLast'>): Buffer {
  const offset = isFirst ? PREFIX_BYTES : 0;
  const data = Buffer.allocUnsafe(offset + bytes.byteLength);
  if (isFirst) {
    data[0] = Number(isCompressed);
    data.writeUInt32BE(messageBytes, 1);
  }
  data.set(bytes, offset);
  return data;
}

/** Takes the prefixes of lengths out of the body of a gRPC request, and puts no message together. */
export class Deframer {
  readonly #prefix = new Uint8Array(PREFIX_BYTES);
  readonly #maxMessageBytes: number;
  #prefixBytes = 0;
  /** Bytes that are to come of the message that goes on. */
  #left = 0;
  /** The first part of that message is to come. */
  #isBeginning = false;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** A message, or its prefix, is not whole. */
  get isInside(): boolean {
    return this.#left > 0 || this.#prefixBytes > 0;
  }

  /**
   * Reads what came. Answers the length of a message that is larger than any may be, before a byte of it is read, or that
   * of one whose flag nobody knows as -1; undefined: all is well.
   */
  read(data: Buffer, onPart: (part: MessagePart) => void): number | undefined {
    let at = 0;
    while (at < data.byteLength) {
      if (this.#left === 0 && !this.#isBeginning) {
        at = this.#readPrefix(data, at);
        if (this.#prefixBytes < PREFIX_BYTES) return undefined;
        this.#prefixBytes = 0;
        const length = new DataView(this.#prefix.buffer).getUint32(1);
        if (this.#prefix[0]! > 1) return -1;
        if (length > this.#maxMessageBytes) return length;
        this.#left = length;
        this.#isBeginning = length > 0;
        if (length === 0)
          onPart({ bytes: data.subarray(0, 0), messageBytes: 0, isLast: true, isCompressed: this.#isCompressed });
        continue;
      }
      const bytes = data.subarray(at, at + this.#left);
      const messageBytes = this.#isBeginning ? this.#left : undefined;
      at += bytes.byteLength;
      this.#left -= bytes.byteLength;
      this.#isBeginning = false;
      onPart({ bytes, messageBytes, isLast: this.#left === 0, isCompressed: this.#isCompressed });
    }
    return undefined;
  }

  get #isCompressed(): boolean {
    return this.#prefix[0] === 1;
  }

  #readPrefix(data: Buffer, from: number): number {
    let at = from;
    while (at < data.byteLength && this.#prefixBytes < PREFIX_BYTES) {
      this.#prefix[this.#prefixBytes++] = data[at++]!;
    }
    return at;
  }
}
