import type { Output } from './output.ts';
import { type Heading, openTable } from './table.ts';

/** How things of one kind are listed. */
export interface Listing<T> {
  readonly headings: readonly Heading[];
  readonly toRow: (item: T) => readonly string[];
  readonly toJson: (item: T) => unknown;
}

/** Prints things as they come, until the reader has gone: a table for people, or a JSON object a line. */
export async function printList<T>(
  items: AsyncIterable<T>,
  { headings, toRow, toJson }: Listing<T>,
  isJson: boolean,
  out: Output,
): Promise<void> {
  const table = openTable(headings, out);
  try {
    for await (const item of items) {
      await (isJson ? out.writeJson(toJson(item)) : table.add(toRow(item)));
      if (out.closed.aborted) break;
    }
  } finally {
    await table.end();
  }
}
