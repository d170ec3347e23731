import { StringDecoder } from 'node:string_decoder';

/** The most of one line that is kept, in characters; what follows it up to the line feed is dropped. */
const MAX_LINE_LENGTH = 2_048;

/** Cuts what a program writes into lines. */
export interface LineCutter {
  push(chunk: Buffer): void;
  /** Tells the last line, if nothing ended it. */
  end(): void;
}

/** @param onLine is told each line without its end; not those that are empty */
export function createLineCutter(onLine: (line: string) => void): LineCutter {
  const decoder = new StringDecoder('utf8');
  let line = '';

  function add(text: string): void {
    line += text.slice(0, Math.max(0, MAX_LINE_LENGTH - line.length));
  }

  function tell(): void {
    const told = line.replace(/\r$/, '');
    line = '';
    if (told !== '') onLine(told);
  }

  return {
    push(chunk) {
      const [first, ...others] = decoder.write(chunk).split('\n');
      add(first!);
      for (const other of others) {
        tell();
        add(other);
      }
    },
    end() {
      add(decoder.end());
      tell();
    },
  };
}
