import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** The payload of a task. */
export interface Question {
  readonly path: string;
}

/** What a worker answers. */
export interface Answer {
  readonly size: number;
  readonly lines: number;
  readonly sha256: string;
}

const LINE_FEED = 0x0a;

export async function readAnswer(path: string): Promise<Answer> {
  const bytes = await readFile(path);
  let lines = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) lines += 1;
  return { size: bytes.length, lines, sha256: createHash('sha256').update(bytes).digest('hex') };
}

export function isSameAnswer(a: Answer, b: Answer): boolean {
  return a.size === b.size && a.lines === b.lines && a.sha256 === b.sha256;
}
