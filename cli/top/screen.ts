import type { Output } from '../output.ts';
import { type Line, type Size, styleLine } from './view.ts';

/** The whole terminal, until it is closed. */
export interface Screen {
  size(): Size;
  draw(lines: readonly Line[]): Promise<void> | undefined;
  /** Gives the terminal back as it was. */
  close(): void;
}

// The other screen, no cursor, no wrapping of long lines (a wide character may count for more than it seems).
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

export function openScreen(out: Output): Screen {
  let isOpen = true;
  function close(): void {
    if (!isOpen) return;
    isOpen = false;
    process.off('exit', close);
    void out.write(LEAVE);
  }
  // Whatever ends the process, the terminal is given back.
  process.on('exit', close);
  void out.write(ENTER);
  return {
    size: () => out.size(),
    draw(lines) {
      const text = lines.map((line) => `${styleLine(line)}${CLEAR_LINE}`).join('\r\n');
      return isOpen ? out.write(`${HOME}${text}${CLEAR_BELOW}`) : undefined;
    },
    close,
  };
}
