import { Buffer } from 'node:buffer';

// Wire types: https://protobuf.dev/programming-guides/encoding

const MAX_KNOWN = 128;

export const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);
export const NO_METADATA: Record<string, string> = Object.freeze({});
/** The items of a repeated field that has none; shared, for nobody adds to what was received. */
export const NO_ITEMS: never[] = [];
Object.freeze(NO_ITEMS);

/**
 * Items of one repeated field of a request; one with more is left to protobuf-es, before which its items are counted.
 */
export const MAX_DECODED = 2_000;

/** A tag: the number of a field and the type of its value on the wire. */
export const varint = (field: number): number => field << 3;
export const delimited = (field: number): number => (field << 3) | 2;

/**
 * Reads the plain part of the wire format: small numbers, ASCII text, bytes. At anything else it is `isOdd` and at its
 * end, so that the loops that read stop; the message is then protobuf-es's to decode, or to refuse.
 */
export class Reader {
  pos = 0;
  end: number;
  isOdd = false;
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.byteLength;
  }

  get hasMore(): boolean {
    return this.pos < this.end;
  }

  refuse(): void {
    this.isOdd = true;
    this.pos = this.end;
  }

  /** A number of up to 28 bits, which is in four bytes at most. */
  number(): number {
    const bytes = this.#bytes;
    let value = 0;
    for (let shift = 0; shift < 28 && this.pos < this.end; shift += 7) {
      const byte = bytes[this.pos++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    this.refuse();
    return 0;
  }

  signed(): number {
    const value = this.number();
    return (value >>> 1) ^ -(value & 1);
  }

  /** The length of what follows, all of which is there. */
  #length(): number {
    const length = this.number();
    if (length <= this.end - this.pos) return length;
    this.refuse();
    return 0;
  }

  /** The bytes of a field, as a view. */
  bytes(): Uint8Array<ArrayBuffer> {
    const length = this.#length();
    this.pos += length;
    return this.#bytes.subarray(this.pos - length, this.pos) as Uint8Array<ArrayBuffer>;
  }

  text(): string {
    const bytes = this.#bytes;
    const length = this.#length();
    const start = this.pos;
    for (let at = start; at < start + length; at++) {
      if (bytes[at]! < 0x80) continue;
      this.refuse();
      return '';
    }
    this.pos += length;
    return bytes.toString('latin1', start, start + length);
  }

  /** Answers `before` itself if the text is that again, as names mostly are, so that no string is made. */
  textLike(before: string): string {
    const start = this.pos;
    const length = this.#length();
    if (!this.isOdd && length === before.length && length <= MAX_KNOWN) {
      const bytes = this.#bytes;
      let at = 0;
      while (at < length && bytes[this.pos + at] === before.charCodeAt(at)) at++;
      if (at === length) {
        this.pos += length;
        return before;
      }
    }
    if (!this.isOdd) this.pos = start;
    return this.text();
  }

  /** Calls `read` with `end` at the end of an inner message. */
  inner<T>(read: () => T): T {
    const outer = this.end;
    const length = this.#length();
    this.end = this.pos + length;
    const found = read();
    if (this.isOdd) this.pos = outer;
    this.end = outer;
    return found;
  }
}
