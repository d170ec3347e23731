import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

/** A column of a table. */
export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => ComponentChildren;
  /** What rows are ordered by; absent: they cannot be by this column. */
  readonly rank?: (row: T) => number | string;
  readonly isNumber?: boolean;
  /** Left out where the screen is narrow. */
  readonly isExtra?: boolean;
  /** Takes what room is left. */
  readonly isWide?: boolean;
}

interface TableProps<T> {
  /** What it is a table of, for who hears it. */
  readonly label: string;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly keyOf: (row: T) => string;
  /** The title of the column that rows are ordered by at first; absent: as they come. */
  readonly order?: string;
  /** What is said in place of rows. */
  readonly empty: ComponentChildren;
}

const ROW_HEIGHT = 38;
/** Rows beyond what is seen, so that a quick scroll shows no gap. */
const BEYOND = 12;
/** Below so many all rows are there. */
const FEW = 150;

interface Order {
  readonly title: string;
  readonly isDown: boolean;
}

/** A table of any length, of which those rows are in the page that are seen. */
export function Table<T>({ label, rows, columns, keyOf, order, empty }: TableProps<T>) {
  const [{ title, isDown }, setOrder] = useState<Order>(() => ({
    title: order ?? '',
    isDown: columns.find(({ title }) => title === order)?.isNumber === true,
  }));
  const body = useRef<HTMLTableSectionElement>(null);
  const sorted = useMemo(() => sortRows(rows, columns, title, isDown), [rows, columns, title, isDown]);
  const [from, to] = useWindow(body, sorted.length);
  if (rows.length === 0) return <div class="empty">{empty}</div>;
  const sortBy = (column: Column<T>): void =>
    setOrder({ title: column.title, isDown: column.title === title ? !isDown : column.isNumber === true });
  return (
    <table class="table" aria-label={label} aria-rowcount={sorted.length + 1}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th
              key={column.title}
              scope="col"
              class={classOf(column)}
              {...(column.title === title && { 'aria-sort': isDown ? 'descending' : 'ascending' })}
            >
              {column.rank ? (
                <button type="button" class="sort" onClick={() => sortBy(column)}>
                  {column.title}
                  <span class="arrow" aria-hidden="true">
                    {column.title === title ? (isDown ? '↓' : '↑') : ''}
                  </span>
                </button>
              ) : (
                column.title
              )}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body} onKeyDown={moveFocus}>
        <Gap rows={from} columns={columns.length} />
        {sorted.slice(from, to).map((row, place) => (
          <tr key={keyOf(row)} aria-rowindex={from + place + 2}>
            {columns.map((column) => (
              <td key={column.title} class={classOf(column)}>
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
        <Gap rows={sorted.length - to} columns={columns.length} />
      </tbody>
    </table>
  );
}

/** In the place of rows that are not seen. */
function Gap({ rows, columns }: { readonly rows: number; readonly columns: number }) {
  if (rows <= 0) return null;
  return (
    <tr class="gap">
      <td colSpan={columns} style={{ height: `${rows * ROW_HEIGHT}px` }} />
    </tr>
  );
}

function classOf({ isNumber, isExtra, isWide }: Pick<Column<never>, 'isNumber' | 'isExtra' | 'isWide'>): string {
  return [isNumber && 'number', isExtra && 'extra', isWide && 'wide'].filter(Boolean).join(' ');
}

function sortRows<T>(rows: readonly T[], columns: readonly Column<T>[], title: string, isDown: boolean): readonly T[] {
  const rank = columns.find((column) => column.title === title)?.rank;
  if (!rank) return rows;
  const sign = isDown ? -1 : 1;
  const ranked = rows.map((row) => ({ row, rank: rank(row) }));
  ranked.sort((a, b) => (a.rank < b.rank ? -sign : a.rank > b.rank ? sign : 0));
  return ranked.map(({ row }) => row);
}

/** Which rows are in the page, from the first to the one after the last. */
function useWindow(body: { readonly current: HTMLElement | null }, count: number): readonly [number, number] {
  const [seen, setSeen] = useState<readonly [number, number]>([0, FEW]);
  useEffect(() => {
    if (count <= FEW) return;
    let frame = 0;
    const look = (): void => {
      frame = 0;
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const first = Math.floor(-top / ROW_HEIGHT) - BEYOND;
      const from = Math.min(Math.max(0, first), Math.max(0, count - 1));
      const to = Math.min(count, from + Math.ceil(window.innerHeight / ROW_HEIGHT) + 2 * BEYOND);
      setSeen((before) => (before[0] === from && before[1] === to ? before : [from, to]));
    };
    const onScroll = (): void => {
      frame ||= requestAnimationFrame(look);
    };
    look();
    window.addEventListener('scroll', onScroll, { passive: true });
    window.addEventListener('resize', onScroll);
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener('scroll', onScroll);
      window.removeEventListener('resize', onScroll);
    };
  }, [body, count]);
  return count <= FEW ? [0, count] : [Math.min(seen[0], count), Math.min(seen[1], count)];
}

/** Up and down go from the link of a row to that of the next one. */
function moveFocus(event: KeyboardEvent): void {
  const step =
    event.key === 'ArrowDown' || event.key === 'j' ? 1 : event.key === 'ArrowUp' || event.key === 'k' ? -1 : 0;
  if (step === 0 || !(event.target instanceof HTMLAnchorElement)) return;
  const row = event.target.closest('tr');
  const next = step > 0 ? row?.nextElementSibling : row?.previousElementSibling;
  const link = next?.querySelector('a');
  if (!link) return;
  event.preventDefault();
  link.focus();
}
