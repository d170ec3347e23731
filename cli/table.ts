import { styleText } from 'node:util';
import { escapeLine } from './escape.ts';

/** Columns as wide as their widest cell, two spaces between them; the last one is not padded. */
export function renderTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  isTerminal: boolean,
): string {
  const cells = rows.map((row) => row.map(escapeLine));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const render = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  const heading = render(headings);
  return [isTerminal ? styleText('dim', heading) : heading, ...cells.map(render)].map((line) => `${line}\n`).join('');
}

/** One `name: value` a line, the values under each other; pairs without a value are left out. */
export function renderPairs(pairs: readonly (readonly [string, string])[]): string {
  const shown = pairs.filter(([, value]) => value !== '');
  const width = Math.max(0, ...shown.map(([name]) => name.length + 1));
  return shown.map(([name, value]) => `${`${name}:`.padEnd(width)} ${escapeLine(value)}\n`).join('');
}
