import { styleText } from 'node:util';
import { escapeLine } from './escape.ts';

/** The name of a column; that of one with numbers, which are aligned to the right, ends with `#`. */
export type Heading = string;

/**
 * Columns as wide as their widest cell, two spaces between them; the last one is not padded. The headings come first.
 */
export function layOutTable(headings: readonly Heading[], rows: readonly (readonly string[])[]): string[] {
  const isNumber = headings.map((heading) => heading.endsWith('#'));
  const cells = [headings.map((heading) => heading.replace(/#$/, '')), ...rows.map((row) => row.map(escapeLine))];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const render = (cell: string, column: number): string => {
    const width = widths[column] ?? 0;
    return isNumber[column] ? cell.padStart(width) : cell.padEnd(width);
  };
  return cells.map((row) => row.map(render).join('  ').trimEnd());
}

/** The same as text; on a terminal the headings are dim. */
export function renderTable(
  headings: readonly Heading[],
  rows: readonly (readonly string[])[],
  isTerminal: boolean,
): string {
  const [heading = '', ...lines] = layOutTable(headings, rows);
  return [isTerminal ? styleText('dim', heading) : heading, ...lines].map((line) => `${line}\n`).join('');
}

/** One `name: value` a line, the values under each other; pairs without a value are left out. */
export function renderPairs(pairs: readonly (readonly [string, string])[]): string {
  const shown = pairs.filter(([, value]) => value !== '').map(([name, value]) => [escapeLine(name), value] as const);
  const width = Math.max(0, ...shown.map(([name]) => name.length + 1));
  return shown.map(([name, value]) => `${`${name}:`.padEnd(width)} ${escapeLine(value)}\n`).join('');
}
