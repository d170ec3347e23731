import type { Json } from '../../json/plain.ts';

/** One event as a browser is told it. */
export interface Event {
  /** Where to go on after it. */
  readonly id?: string;
  /** Absent: there is nothing to tell but the id. */
  readonly name?: string;
  readonly data?: Json;
}

/** The text of an event; what is JSON has no line feeds of its own. */
export function renderEvent({ id, name, data }: Event): string {
  const lines = [
    id === undefined ? '' : `id: ${id}\n`,
    name === undefined ? '' : `event: ${name}\n`,
    data === undefined ? '' : `data: ${JSON.stringify(data)}\n`,
  ];
  return `${lines.join('')}\n`;
}

/** Tells a browser after how long it may come again, once the stream has ended. */
export function renderRetry(ms: number): string {
  return `retry: ${ms}\n\n`;
}
