import { PassThrough, Writable } from 'node:stream';
import { createOutput, type OutputStream } from '../../cli/output.ts';
import { runCommandLine } from '../../cli/program.ts';
import './full.ts';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `contact ARGS…` inside this process, for commands that leave stdin and signals alone: a tenth of the time. */
export async function runHere(args: readonly string[]): Promise<Outcome> {
  const [out, err] = [createSink(), createSink()];
  const code = await runCommandLine(args, createOutput(out), err);
  return { code, stdout: out.text(), stderr: err.text() };
}

/** A command inside this process that believes to be on a terminal. */
export interface Terminal {
  /** Everything that was written to it, stdout and stderr alike. */
  text(): string;
  type(keys: string): void;
  resize(columns: number, rows: number): void;
  /** Whether keys go to the command one by one. */
  isRaw(): boolean;
  /** Resolves with the match once the text from `start` on has one. */
  waitFor(pattern: RegExp, start?: number): Promise<RegExpExecArray>;
  /** Its exit code. */
  readonly ended: Promise<number>;
}

/** `contact ARGS…` on a terminal of 100 by 20. */
export function runOnTerminal(args: readonly string[]): Terminal {
  const size = { isTTY: true, columns: 100, rows: 20 };
  const out = Object.assign(createSink(), size);
  let isRaw = false;
  const setRawMode = (wanted: boolean): void => {
    isRaw = wanted;
  };
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode });
  const ended = runCommandLine(args, createOutput(out satisfies OutputStream), out, input);
  return {
    text: () => out.text(),
    type: (keys) => void input.write(keys),
    resize(columns, rows) {
      Object.assign(out, { columns, rows });
      out.emit('resize');
    },
    isRaw: () => isRaw,
    waitFor: (pattern, start = 0) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(out.text().slice(start));
          if (!match) return;
          out.off('written', look);
          resolve(match);
        };
        out.on('written', look);
        look();
        void ended.then(() => reject(new Error(`ended without ${pattern}: ${JSON.stringify(out.text())}`)));
      }),
    ended,
  };
}

function createSink(): Writable & { text(): string } {
  const chunks: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
      sink.emit('written');
    },
  });
  return Object.assign(sink, { text: () => Buffer.concat(chunks).toString() });
}
