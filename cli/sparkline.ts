const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
/** A value that nobody knows. */
const GAP = ' ';

/**
 * A bar for each value, as high as it is of the largest: what is 0 has the lowest bar by itself, and what is unknown has none.
 */
export function drawSparkline(values: readonly (number | null)[]): string {
  const most = values.reduce<number>((largest, value) => Math.max(largest, value ?? 0), 0);
  return values.map((value) => (value === null ? GAP : BARS[heightOf(value, most)])).join('');
}

function heightOf(value: number, most: number): number {
  return value <= 0 ? 0 : Math.max(1, Math.ceil((value / most) * (BARS.length - 1)));
}
