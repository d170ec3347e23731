import { styleText } from 'node:util';
import { escapeLine } from './escape.ts';
import type { Output } from './output.ts';
import { widthOf } from './width.ts';

/** The name of a column; that of one with numbers, which are aligned to the right, ends with `#`. */
export type Heading = string;

type Row = readonly string[];

/**
 * Columns as wide as their widest cell, two spaces between them; the last one is not padded. The headings come first.
 */
export function layOutTable(headings: readonly Heading[], rows: readonly Row[]): string[] {
  return layOut(headings, rows).lines;
}

/** The lines of a table, and how a row that comes later is made one: a cell that is wider moves those after it. */
function layOut(headings: readonly Heading[], rows: readonly Row[]) {
  const isNumber = headings.map((heading) => heading.endsWith('#'));
  const cells = [headings.map((heading) => heading.replace(/#$/, '')), ...rows.map((row) => row.map(escapeLine))];
  const widths = headings.map((_, column) =>
    cells.reduce((width, row) => Math.max(width, widthOf(row[column] ?? '')), 0),
  );
  const pad = (cell: string, column: number): string => {
    const blanks = ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell)));
    return isNumber[column] ? blanks + cell : cell + blanks;
  };
  const join = (row: Row): string => row.map(pad).join('  ').trimEnd();
  return { lines: cells.map(join), layOutRow: (row: Row): string => join(row.map(escapeLine)) };
}

/** The same as text; on a terminal the headings are dim. */
export function renderTable(headings: readonly Heading[], rows: readonly Row[], isTerminal: boolean): string {
  return endLines(layOutTable(headings, rows), isTerminal);
}

function endLines([heading = '', ...lines]: readonly string[], isTerminal: boolean): string {
  return [isTerminal ? styleText('dim', heading) : heading, ...lines].map((line) => `${line}\n`).join('');
}

/** A table that is printed while its rows come: of any length in the memory of its first rows. */
export interface TableWriter {
  /** The answer is a promise only when the reader is behind, and then to be awaited. */
  add(row: Row): Promise<void> | undefined;
  /** Prints what is left; a table without a row is nothing at all. */
  end(): Promise<void> | undefined;
}

/** The rows by which columns are measured; the first line is printed once there are so many, or so long after the first. */
export const MEASURED_ROWS = 500;
const MEASURED_MS = 200;

export function openTable(headings: readonly Heading[], out: Pick<Output, 'write' | 'isTerminal'>): TableWriter {
  let measured: Row[] = [];
  let layOutRow: ((row: Row) => string) | undefined;
  let timer: NodeJS.Timeout | undefined;

  function begin(): Promise<void> | undefined {
    clearTimeout(timer);
    if (layOutRow || measured.length === 0) return undefined;
    const table = layOut(headings, measured);
    layOutRow = table.layOutRow;
    measured = [];
    return out.write(endLines(table.lines, out.isTerminal));
  }

  return {
    add(row) {
      if (layOutRow) return out.write(`${layOutRow(row)}\n`);
      measured.push(row);
      timer ??= setTimeout(begin, MEASURED_MS);
      return measured.length === MEASURED_ROWS ? begin() : undefined;
    },
    end: begin,
  };
}

/** One `name: value` a line, the values under each other; pairs without a value are left out. */
export function renderPairs(pairs: readonly (readonly [string, string])[]): string {
  const shown = pairs.filter(([, value]) => value !== '').map(([name, value]) => [escapeLine(name), value] as const);
  const width = Math.max(0, ...shown.map(([name]) => name.length + 1));
  return shown.map(([name, value]) => `${`${name}:`.padEnd(width)} ${escapeLine(value)}\n`).join('');
}
