import type { Output } from '../output.ts';
import { widthOf } from '../width.ts';
import { type Line, type Size, styleLine } from './line.ts';

/** The whole terminal, until it is closed. */
export interface Screen {
  size(): Size;
  /** Writes the lines that are not there yet. The answer is a promise when the terminal is behind. */
  draw(lines: readonly Line[]): Promise<void> | undefined;
  /** Gives the terminal back as it was, until `enter`. */
  leave(): void;
  /** The next drawing is a whole one. */
  enter(): void;
  /** Gives the terminal back for good. */
  close(): void;
}

// The other screen, no cursor, no wrapping of long lines (a wide character may count for more than it seems).
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
// Terminals that know these two show what is between them at once.
const BEGIN = '\x1b[?2026h';
const END = '\x1b[?2026l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

export function openScreen(out: Output): Screen {
  let isOpen = false;
  /** What is on the screen, a line each; null: nobody knows. */
  let drawn: readonly string[] | null = null;
  let drawnColumns = 0;

  function leave(): void {
    if (!isOpen) return;
    isOpen = false;
    process.off('exit', leave);
    void out.write(LEAVE);
  }

  function enter(): void {
    if (isOpen) return;
    isOpen = true;
    drawn = null;
    // Whatever ends the process, the terminal is given back.
    process.on('exit', leave);
    void out.write(ENTER);
  }

  function draw(lines: readonly Line[]): Promise<void> | undefined {
    if (!isOpen) return undefined;
    const { columns } = out.size();
    // The cursor stays at the last column, so that clearing from there on would take the last character of a full line.
    const texts = lines.map((line) => styleLine(line) + (widthOf(line.text) < columns ? CLEAR_LINE : ''));
    const before = drawnColumns === columns ? drawn : null;
    drawn = texts;
    drawnColumns = columns;
    // After its size has changed, nobody knows what the terminal shows.
    if (before?.length !== texts.length) return out.write(`${BEGIN}${HOME}${texts.join('\r\n')}${CLEAR_BELOW}${END}`);
    const changed = texts.flatMap((text, row) => (text === before[row] ? [] : [`\x1b[${row + 1}H${text}`]));
    return changed.length === 0 ? undefined : out.write(`${BEGIN}${changed.join('')}${END}`);
  }

  enter();
  return {
    size: () => {
      const { columns, rows } = out.size();
      return { columns, rows };
    },
    draw,
    leave,
    enter,
    close: leave,
  };
}
