import type { Input } from '../context.ts';

/** q, and what Ctrl-C and Ctrl-D are in raw mode. */
const QUIT_KEYS: ReadonlySet<string> = new Set(['q', 'Q', '\x03', '\x04']);
const ESCAPE = '\x1b';

/** Calls `quit` when somebody presses q or Ctrl-C; the answer gives the keyboard back. Nothing where there is none. */
export function onQuitKey(input: Input, quit: () => void): () => void {
  if (!input.isTTY) return () => undefined;
  const onData = (data: Buffer | string): void => {
    const keys = data.toString();
    // Function keys send letters too, after an escape.
    if (!keys.startsWith(ESCAPE) && [...keys].some((key) => QUIT_KEYS.has(key))) quit();
  };
  input.setRawMode?.(true);
  input.on('data', onData);
  input.resume();
  return () => {
    input.off('data', onData);
    input.pause();
    input.setRawMode?.(false);
  };
}
