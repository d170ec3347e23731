const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

const SIZE = /^(\d+(?:\.\d+)?) ?(B|KiB|MiB|GiB|TiB)?$/i;
const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ['b', 1],
  ['kib', 2 ** 10],
  ['mib', 2 ** 20],
  ['gib', 2 ** 30],
  ['tib', 2 ** 40],
]);

/** What a duration looks like, for whoever wrote none. */
export const DURATION_FORM = 'a duration such as 500ms, 10s, 5m, 1h or 2d';
/** What a size looks like. */
export const SIZE_FORM = 'a size such as 4096, 64KiB, 1MiB or 2GiB';

/** `500ms`, `10s`, `1.5h`, `2d` as whole milliseconds; undefined: it is no duration. */
export function readDuration(text: string): number | undefined {
  const [, amount, unit = ''] = DURATION.exec(text) ?? [];
  return amount === undefined ? undefined : Math.round(Number(amount) * UNIT_MS.get(unit)!);
}

/** Milliseconds with the largest unit of which they are a whole number: 90,000 is `90s`. */
export function writeDuration(ms: number): string {
  return writeWith(UNIT_MS, ms);
}

/** `4096`, `64KiB`, `1.5MiB` as whole bytes; undefined: it is no size. A kilobyte of 1,000 bytes has no unit here. */
export function readSize(text: string): number | undefined {
  const [, amount, unit = 'B'] = SIZE.exec(text) ?? [];
  const bytes = Number(amount) * UNIT_BYTES.get(unit.toLowerCase())!;
  return amount !== undefined && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Bytes with the largest unit of which they are a whole number: 1,572,864 is `1536KiB`. */
export function writeSize(bytes: number): string {
  const text = writeWith(UNIT_BYTES, bytes);
  return text.endsWith('b') && !text.endsWith('ib')
    ? text.slice(0, -1)
    : text.replace(/([kmgt])ib$/, (_unit, letter: string) => `${letter.toUpperCase()}iB`);
}

function writeWith(units: ReadonlyMap<string, number>, amount: number): string {
  const fitting = [...units].filter(([, size]) => amount % size === 0 && (amount >= size || size === 1));
  const [unit, size] = fitting.at(-1) ?? [...units][0]!;
  return `${amount / size}${unit}`;
}
