import { Buffer } from 'node:buffer';

/** Bytes of a number on the wire, each of which has seven bits of it. */
export function sizeOfNumber(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** Bytes of a numeric field with a field number from 1 to 15; 0 is left out. */
export function sizeOfField(value: number): number {
  return value === 0 ? 0 : 1 + sizeOfNumber(value);
}

/** Bytes of a field with a field number from 1 to 15 that has so many bytes; an empty one is left out. */
export function sizeOfDelimited(length: number): number {
  return length === 0 ? 0 : 1 + sizeOfNumber(length) + length;
}

/** A signed number as the type sint32 has it on the wire. */
export function zigzag(value: number): number {
  if ((value | 0) !== value) throw new RangeError(`not a number of 32 bits: ${value}`);
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

/**
 * Writes fields with numbers from 1 to 15 into a buffer whose size is known. Fields without a value are left out. What
 * does not fit is refused: a frame that is not what its lengths say takes the reader's stream with it.
 */
export class Writer {
  readonly #buffer: Buffer;
  #pos = 0;

  constructor(size: number) {
    this.#buffer = Buffer.allocUnsafe(size);
  }

  /** All that was written. Throws unless that has filled the size: what is left over would be memory of others. */
  get buffer(): Buffer {
    if (this.#pos !== this.#buffer.byteLength) {
      throw new RangeError(`wrote ${this.#pos} bytes into a message of ${this.#buffer.byteLength}`);
    }
    return this.#buffer;
  }

  #number(value: number): void {
    if (value >>> 0 !== value) throw new RangeError(`not an unsigned number of 32 bits: ${value}`);
    let left = value;
    for (; left >= 0x80; left >>>= 7) this.#buffer[this.#pos++] = (left & 0x7f) | 0x80;
    this.#buffer[this.#pos++] = left;
  }

  /** Writes a field with an unsigned number of 32 bits. */
  number(field: number, value: number): void {
    if (value === 0) return;
    this.#buffer[this.#pos++] = field << 3;
    this.#number(value);
  }

  /** Writes the tag and length of a message that follows. */
  inner(field: number, length: number): void {
    this.#buffer[this.#pos++] = (field << 3) | 2;
    this.#number(length);
  }

  bytes(field: number, value: Uint8Array): void {
    if (value.byteLength === 0) return;
    this.inner(field, value.byteLength);
    this.#buffer.set(value, this.#pos);
    this.#pos += value.byteLength;
  }

  /** @param length of the text in UTF-8 */
  text(field: number, value: string, length: number): void {
    if (length === 0) return;
    this.inner(field, length);
    // ASCII alone has as many bytes as characters. `write` cuts in silence what does not fit, so the count is compared.
    const written = this.#buffer.write(value, this.#pos, length, length === value.length ? 'latin1' : 'utf8');
    if (written !== length) throw new RangeError(`a text of ${length} bytes has ${written}`);
    this.#pos += length;
  }
}
