/** Random choices that come again with the same seed. */
export interface Chance {
  readonly seed: number;
  /** 0 (included) to 1 (excluded). */
  next(): number;
  /** A whole number, both ends included. */
  between(least: number, most: number): number;
}

/** Prints its seed; the same run again: CONTACT_SEED=… */
export function createChance(name: string): Chance {
  const seed = Number(process.env.CONTACT_SEED ?? Math.floor(Math.random() * 2 ** 32)) >>> 0;
  console.log(`    ${name}: CONTACT_SEED=${seed}`);
  // mulberry32
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { seed, next, between: (least, most) => least + Math.floor(next() * (most - least + 1)) };
}
