import { layOutTable } from '../table.ts';
import type { Line } from './line.ts';

/** Every key; `contact top --help` has them too. */
export const KEYS: readonly (readonly [key: string, what: string])[] = [
  ['q, Ctrl-C', 'end'],
  ['Ctrl-Z', 'stop, until `fg`'],
  ['Up, Down, k, j', 'mark a row; the mark goes where its row goes'],
  ['PgUp, PgDn, Space', 'a screen of rows up or down'],
  ['Home, End, g, G', 'the first row, the last one'],
  ['Tab', 'go to the other table: bold headings have the keys'],
  ['s, S', 'sort by the next column, by the one before'],
  ['r', 'the other way round'],
  ['/', 'only rows with the text that you type, in whatever they show'],
  ['Enter', 'only the marked queue and its clients, or client and queues'],
  ['Esc', 'back: all queues and clients, no filter, no mark'],
  ['?, h', 'this'],
];

export function renderHelp(): Line[] {
  const [, ...lines] = layOutTable(['key', 'what'], KEYS);
  return [{ text: '' }, ...lines.map((text): Line => ({ text }))];
}
