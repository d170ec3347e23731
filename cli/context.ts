import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { hideSecrets } from '../shared/redact.ts';
import { escapeJson, escapeLine, escapeLines } from './escape.ts';
import { type ErrorSubject, failureToJson, type NoticeJson } from './notice.ts';
import type { Output } from './output.ts';

/** Standard input: a file, a pipe or a terminal. */
export type Input = Readable & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown };

/** What every command gets beside its options. */
export interface CommandContext {
  readonly out: Output;
  readonly input: Input;
  /** What stood after `--`; undefined: there was no `--`. */
  readonly rest: readonly string[] | undefined;
  /** One line to people, on stderr, free of control characters and of secrets that were put where none belongs; with --json a note. */
  say(line: string): void;
  /** The same of something that went wrong; with --json it is an error. @param line what people are told; null: they were already */
  sayError(failure: unknown, line: string | null, about?: ErrorSubject): void;
  /** Several lines to people, on stderr: a usage text. Nothing with --json, where the error that comes too says it. */
  sayLines(text: string): void;
  /** stderr where it is a terminal: what changes there is seen. */
  readonly screen: Writable | null;
  /** The line that a person at the terminal answers, empty at its end; null: there is no terminal to ask on. */
  ask(question: string): Promise<string | null>;
  /** Exit code of a command that ends without throwing; 0 unless set. */
  exitCode: number;
}

export interface ContextOptions {
  readonly out: Output;
  readonly err: Writable & { readonly isTTY?: boolean };
  /** Where answers and keys come from; default: stdin of the process, opened when it is needed. */
  readonly input?: Input;
  readonly rest: readonly string[] | undefined;
  /** Whether lines of stderr are JSON objects too. Default: false. */
  readonly isJson?: boolean;
}

export function createContext({ out, err, input: given, rest, isJson = false }: ContextOptions): CommandContext {
  const write = (line: string): void => void err.write(`${escapeLine(hideSecrets(line))}\n`);
  const writeNotice = (notice: NoticeJson): void => {
    const json = JSON.stringify(notice, (_, value) => (typeof value === 'string' ? hideSecrets(value) : value));
    err.write(`${err.isTTY ? escapeJson(json) : json}\n`);
  };
  return {
    out,
    get input() {
      return given ?? process.stdin;
    },
    rest,
    screen: err.isTTY ? err : null,
    say: (line) => (isJson ? writeNotice({ note: { message: line } }) : write(line)),
    sayError: (failure, line, about) => {
      if (isJson) writeNotice({ error: failureToJson(failure, about) });
      else if (line !== null) write(line);
    },
    sayLines: (text) => {
      if (!isJson) err.write(`${escapeLines(hideSecrets(text))}\n`);
    },
    async ask(question) {
      const { input } = this;
      if (!input.isTTY || !err.isTTY) return null;
      err.write(`${escapeLine(question)} `);
      // The terminal itself edits the line, and its Ctrl-C ends the command.
      const lines = createInterface({ input, terminal: false });
      try {
        return await new Promise((resolve) => {
          lines.once('line', resolve);
          lines.once('close', () => resolve(''));
        });
      } finally {
        lines.close();
      }
    },
    exitCode: 0,
  };
}
