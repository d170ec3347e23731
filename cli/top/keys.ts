import { emitKeypressEvents } from 'node:readline';
import type { Input } from '../context.ts';

/** A key as it is called here: what moves and ends by its name, `quit` and `suspend` for Ctrl-C and Ctrl-Z, others by what they type. */
export type Key = string;

interface Pressed {
  readonly name?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
}

const NAMED: ReadonlySet<string> = new Set([
  ...['up', 'down', 'pageup', 'pagedown', 'home', 'end', 'tab', 'backspace', 'escape'],
]);

/** Tells each key that is pressed; the answer gives the keyboard back. Nothing where there is none. */
export function onKey(input: Input, press: (key: Key) => void): () => void {
  if (!input.isTTY) return () => undefined;
  const onPress = (typed: string | undefined, pressed: Pressed): void => {
    const key = nameKey(typed, pressed);
    if (key !== undefined) press(key);
  };
  emitKeypressEvents(input);
  input.setRawMode?.(true);
  input.on('keypress', onPress);
  input.resume();
  return () => {
    input.off('keypress', onPress);
    input.pause();
    input.setRawMode?.(false);
  };
}

function nameKey(typed: string | undefined, { name = '', ctrl, meta }: Pressed): Key | undefined {
  if (ctrl) return name === 'c' || name === 'd' ? 'quit' : name === 'z' ? 'suspend' : undefined;
  if (name === 'return' || name === 'enter') return 'enter';
  if (NAMED.has(name)) return name;
  // What comes with Alt or is a function key sends letters too, after an escape.
  return meta || typed === undefined || [...typed].length !== 1 || typed < ' ' ? undefined : typed;
}
