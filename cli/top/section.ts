import { escapeLine } from '../escape.ts';
import { layOutTable } from '../table.ts';
import { fitWidth, widthOf } from '../width.ts';
import type { Column, Moment } from './columns.ts';
import type { Line } from './line.ts';

/** What a table of the screen is made of. */
export interface SectionOptions<Item> {
  readonly columns: readonly Column<Item>[];
  readonly items: readonly Item[];
  readonly moment: Moment;
  /** What stands over the names. */
  readonly title: string;
  /** The table has the keys. */
  readonly isFocused: boolean;
  /** What it is sorted by, and whether the smallest come first. */
  readonly sort: string | undefined;
  readonly isReversed: boolean;
  /** Columns of the screen. */
  readonly width: number;
  /** Somebody has to look at it. */
  isMarked(item: Item): boolean;
  /** The keys are at it. */
  isAt(item: Item): boolean;
}

/** Of names, and of other texts, a part is of use too: so many columns of it. */
const MIN_NAME = 20;
const MIN_TEXT = 10;
/** Between two columns. */
const GAP = 2;

/** A table as lines, its headings first; columns that the screen has no room for are left out. */
export function renderSection<Item>(options: SectionOptions<Item>): Line[] {
  const { items, moment, title, isFocused, sort, isReversed } = options;
  const arrow = isReversed ? '↑' : '↓';
  const all = options.columns.map((column, place) => {
    const heading = place === 0 ? title : column.heading;
    const isSorted = sort !== undefined && (column.sort?.[0] === sort || (place === 0 && sort === 'name'));
    return {
      heading: isSorted ? heading.replace(/(?=#?$)/, arrow) : heading,
      cells: items.map((item) => (place === 0 && options.isAt(item) ? '> ' : '') + column.cell(item, moment)),
      rank: column.rank,
    };
  });
  const shown = fitColumns(all, options.width);
  const rows = items.map((_, row) => shown.map(({ cells, width }) => fitWidth(escapeLine(cells[row]!), width)));
  const [head = '', ...lines] = layOutTable(
    shown.map(({ heading }) => heading),
    rows,
  );
  return [
    { text: head, style: isFocused ? 'bold' : 'dim' },
    ...lines.map((text, row): Line => {
      const item = items[row]!;
      if (options.isAt(item)) return { text, style: 'inverse' };
      return options.isMarked(item) ? { text, style: 'yellow' } : { text };
    }),
  ];
}

interface Laid {
  readonly heading: string;
  readonly cells: readonly string[];
  readonly rank: number;
}

/**
 * The columns that there is room for, and how wide each may be. First goes what is empty in all rows, then what is of the
 * least use. Texts share what numbers leave: what is of more use has all that it needs before others.
 */
function fitColumns(columns: readonly Laid[], width: number): readonly (Laid & { readonly width: number })[] {
  const all = columns.map((column, place) => {
    const { heading, cells } = column;
    const needed = Math.max(widthOf(heading.replace('#', '')), ...cells.map((cell) => widthOf(escapeLine(cell))));
    const least = place === 0 ? MIN_NAME : heading.endsWith('#') ? needed : MIN_TEXT;
    return { ...column, place, needed, width: Math.min(needed, least) };
  });
  let shown = all;
  const left = (): number => width - shown.reduce((sum, column) => sum + GAP + column.width, -GAP);
  if (left() < 0)
    shown = shown.filter(({ cells, rank }) => rank === 0 || cells.length === 0 || cells.some((cell) => cell !== ''));
  while (left() < 0) {
    const last = shown.reduce((worst, column) => (column.rank >= worst.rank ? column : worst));
    if (last.rank === 0) break;
    shown = shown.filter((column) => column !== last);
  }
  for (const { place, needed } of shown.toSorted((a, b) => a.rank - b.rank)) {
    const more = Math.min(needed - all[place]!.width, Math.max(0, left()));
    shown = shown.map((column) => (column.place === place ? { ...column, width: column.width + more } : column));
  }
  return shown;
}
