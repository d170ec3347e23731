import type { Writable } from 'node:stream';
import { escapeLines } from './escape.ts';
import type { Output } from './output.ts';

/** What every command gets beside its options. */
export interface CommandContext {
  readonly out: Output;
  /** What stood after `--`; undefined: there was no `--`. */
  readonly rest: readonly string[] | undefined;
  /** One line to people, on stderr, free of control characters. */
  say(line: string): void;
  /** Exit code of a command that ends without throwing; 0 unless set. */
  exitCode: number;
}

export function createContext(out: Output, err: Writable, rest: readonly string[] | undefined): CommandContext {
  return {
    out,
    rest,
    say: (line) => void err.write(`${escapeLines(line)}\n`),
    exitCode: 0,
  };
}
