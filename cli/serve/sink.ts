import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';

/** Takes the lines of a log. Nothing that becomes of them stops or holds up who writes. */
export interface Sink {
  write(line: string): void;
}

/** How much of the log is buffered while stderr takes nothing; further lines are dropped. */
const MAX_UNWRITTEN_BYTES = 2 ** 20;

/**
 * Lines for stderr. A pipe whose reader is stuck would stop the server with its next line, so what it does not take at once
 * waits in memory, and what is too much for that is dropped and counted.
 */
export function createStderrSink(): Sink {
  const { stderr } = process;
  // A full disk under the log, or a pipe that nobody reads any more, is no reason to serve no tasks.
  stderr.on('error', () => undefined);
  const stat = fstatSync(2);
  if (!stat.isFIFO() && !stat.isSocket()) return createFileSink(() => 2);
  let dropped = 0;
  return {
    write(line) {
      if (stderr.writableLength > MAX_UNWRITTEN_BYTES) {
        dropped += 1;
        return;
      }
      if (dropped > 0) stderr.write(writeDropped(dropped));
      dropped = 0;
      stderr.write(line);
    },
  };
}

/** A file that is opened anew on demand, after another program has moved it away. */
export interface FileSink extends Sink {
  /** Throws what keeps the file from being opened; then the one before goes on. */
  reopen(): void;
}

/** Lines for a file that is made for this user alone. Throws if it cannot be opened. */
export function openFileSink(path: string): FileSink {
  // A named pipe without a reader, or with a stuck one, is not waited for.
  const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
  const open = (): number => openSync(path, O_APPEND | O_CREAT | O_NONBLOCK | O_WRONLY, 0o600);
  let fd = open();
  return {
    ...createFileSink(() => fd),
    reopen() {
      const before = fd;
      fd = open();
      closeSync(before);
    },
  };
}

function createFileSink(fd: () => number): Sink {
  let dropped = 0;
  return {
    write(line) {
      try {
        writeSync(fd(), dropped > 0 ? `${writeDropped(dropped)}${line}` : line);
        dropped = 0;
      } catch {
        // The disk is full, or whoever reads is: there is nobody left to tell.
        dropped += 1;
      }
    },
  };
}

function writeDropped(dropped: number): string {
  return `${JSON.stringify({ level: 40, time: Date.now(), dropped, msg: 'lines of this log could not be written' })}\n`;
}
