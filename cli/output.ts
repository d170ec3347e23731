import type { Writable } from 'node:stream';
import { escapeJson } from './escape.ts';

/**
 * Standard output that heeds its reader: slow readers are waited for, and one that went away ends the command quietly.
 */
export interface Output {
  readonly isTerminal: boolean;
  /** Aborted when the reader has gone (EPIPE), or when nothing can be written any more (a full disk). */
  readonly closed: AbortSignal;
  /** Why nothing can be written any more; a reader that has gone is no failure. */
  readonly failure: Error | undefined;
  /** Writes; the answer is a promise only when the reader is behind, and then to be awaited. */
  write(data: string | Uint8Array): Promise<void> | undefined;
  writeJson(value: unknown): Promise<void> | undefined;
  /** Resolves when everything was handed over. */
  flush(): Promise<void>;
  /** The size of the terminal; 80 by 24 where it does not tell. */
  size(): { readonly columns: number; readonly rows: number };
  /** Calls `react` when the terminal has another size; the answer ends that. */
  onResize(react: () => void): () => void;
}

/** A stream that may be a terminal. */
export type OutputStream = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

export function createOutput(stream: OutputStream): Output {
  const closing = new AbortController();
  let failure: Error | undefined;
  const fail = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE' && !closing.signal.aborted) failure = error;
    closing.abort();
  };
  stream.on('error', fail);

  function write(data: string | Uint8Array): Promise<void> | undefined {
    if (closing.signal.aborted || stream.write(data)) return undefined;
    return new Promise((resolve) => {
      const settle = (): void => {
        stream.off('drain', settle);
        closing.signal.removeEventListener('abort', settle);
        resolve();
      };
      stream.on('drain', settle);
      closing.signal.addEventListener('abort', settle);
    });
  }

  return {
    isTerminal: stream.isTTY === true,
    closed: closing.signal,
    get failure() {
      return failure;
    },
    write,
    writeJson(value) {
      const json = JSON.stringify(value);
      return write(`${stream.isTTY ? escapeJson(json) : json}\n`);
    },
    flush: () =>
      new Promise((resolve) => {
        if (closing.signal.aborted) resolve();
        else {
          stream.write('', (error) => {
            if (error) fail(error);
            resolve();
          });
        }
      }),
    size: () => ({ columns: stream.columns || 80, rows: stream.rows || 24 }),
    onResize(react) {
      stream.on('resize', react);
      return () => stream.off('resize', react);
    },
  };
}
