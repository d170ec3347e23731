import { createReadStream, fstatSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { usageError } from './exit.ts';

const LINE_FEED = 0x0a;

/** Standard input; where Node would take what it does not know for empty, a disk is read and a directory refused. */
export function openStdin(): Readable {
  const stat = fstatSync(0);
  if (stat.isDirectory()) throw usageError('stdin is a directory, not a file');
  return stat.isBlockDevice() ? createReadStream('', { fd: 0, autoClose: false }) : process.stdin;
}

export interface Line {
  /** Which line of its stream this is; from 1. */
  readonly number: number;
  /** Without its line feed, otherwise as it came; null: longer than the limit, and skipped. */
  readonly bytes: Buffer | null;
}

/**
 * The lines of a byte stream, one in memory at a time; a last line needs no line feed, and an empty stream has none.
 */
export async function* readLines(source: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Line> {
  let number = 0;
  let parts: Buffer[] = [];
  let length = 0;

  function keep(part: Buffer): void {
    length += part.length;
    if (length <= maxBytes) parts.push(part);
    else parts = [];
  }

  function takeLine(): Line {
    const bytes = length > maxBytes ? null : parts.length === 1 ? (parts[0] ?? null) : Buffer.concat(parts);
    parts = [];
    length = 0;
    number += 1;
    return { number, bytes };
  }

  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      keep(chunk.subarray(start, end));
      start = end + 1;
      yield takeLine();
    }
    if (start < chunk.length) keep(chunk.subarray(start));
  }
  if (length > 0) yield takeLine();
}

/** A whole byte stream; null: it is longer than the limit. */
export async function readAll(source: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > maxBytes) return null;
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}
