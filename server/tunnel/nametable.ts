import type { Span } from './fields.ts';

/** What each name of a set stands for: a small number. Names are kept as their hashes alone, eight bytes each. */
export interface NameTable {
  /** All that a name with this hash may stand for, each once; who asks has to look, since names may share a hash. */
  valuesOf(hash: number): readonly number[];
}

export interface NameTableBuilder {
  /** @param value below 1,024 */
  add(hash: number, value: number): void;
  build(): NameTable;
}

const VALUES = 1_024;
/** The hash of no text: FNV-1a of 32 bits, as are all below. */
export const NO_NAME = 0x811c9dc5;
export const DOT = 0x2e;
export const SLASH = 0x2f;

/** The hash of a text and one more byte. */
export const extendByte = (hash: number, byte: number): number => Math.imul(hash ^ byte, 0x01000193) >>> 0;

/** The hash of a text and the bytes that follow it: what two names begin with alike is gone through once. */
export function extend(hash: number, bytes: Uint8Array, { from, to }: Span): number {
  let result = hash;
  for (let at = from; at < to; at++) result = extendByte(result, bytes[at]!);
  return result;
}

export const hashOf = (name: Uint8Array): number => extend(NO_NAME, name, { from: 0, to: name.byteLength });

export function createNameTable(): NameTableBuilder {
  const added: number[] = [];
  return {
    add: (hash, value) => added.push(hash * VALUES + value),
    build() {
      const sorted = Float64Array.from(new Set(added)).sort();
      return {
        valuesOf(hash) {
          const values: number[] = [];
          const first = hash * VALUES;
          for (let at = firstFrom(sorted, first); at < sorted.length && sorted[at]! < first + VALUES; at++) {
            values.push(sorted[at]! - first);
          }
          return values;
        },
      };
    },
  };
}

/** Where the first stands that is not below `least`. */
function firstFrom(sorted: Float64Array, least: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
