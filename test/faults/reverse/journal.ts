import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Kind } from './plan.ts';

// What the processes of these tests have seen, each in a file of its own that keeps what was written when its writer is
// killed the next moment. Instants are of the wall clock, in milliseconds.

/** A handler was entered, or has ended. */
export interface Handled {
  readonly kind: 'began' | 'finished';
  readonly id: string;
  /** It runs as a task. */
  readonly isKept: boolean;
}

export interface Made {
  readonly kind: 'made';
  readonly id: string;
  readonly call: Kind;
  /** How many tries there were before, each of which was told that nothing had been begun. */
  readonly tries: number;
  readonly deadlineMs: number;
  readonly isServerTimed: boolean;
  readonly at: number;
}

/** A status has come for a call. */
export interface Ended {
  readonly kind: 'ended';
  readonly id: string;
  readonly tries: number;
  readonly code: number;
  readonly details: string;
  /** What the server has said of whether the call was begun. */
  readonly started: string | null;
  /** Of one with status 0: the answer, headers and trailers are what they have to be. */
  readonly isRight: boolean;
  readonly at: number;
}

/** The server has told the id of a durable call. */
export interface Stored {
  readonly kind: 'stored';
  readonly id: string;
  readonly task: string;
}

/** The event loop of the process stood still. */
export interface Gap {
  readonly kind: 'gap';
  readonly from: number;
  readonly to: number;
}

export type Line = Handled | Made | Ended | Stored | Gap;

export interface LineWriter {
  write(line: Line): void;
  close(): void;
}

export function openLines(folder: string, name: string): LineWriter {
  const file = openSync(join(folder, `${name}.lines`), 'a');
  return {
    write: (line) => void writeSync(file, `${JSON.stringify(line)}\n`),
    close: () => closeSync(file),
  };
}

/** Every whole line of one process. */
export function readLines(folder: string, name: string): Line[] {
  const file = join(folder, `${name}.lines`);
  // It was killed before its first.
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

/** The names of all that have written. */
export function listWriters(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.lines'))
    .map((name) => name.slice(0, -'.lines'.length));
}
