import { accessSync, closeSync, constants, existsSync, fstatSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

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
  if (!stat.isFIFO() && !stat.isSocket()) return createFileSink(2);
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

/** Lines for a file, which another program may move away. */
export interface FileSink extends Sink {
  /** Lines that this one could not write, and has not told of. */
  readonly dropped: number;
  /** Tells of those that the one before it has dropped. */
  follow(dropped: number): void;
  close(): void;
}

// A named pipe without a reader, or with a stuck one, is not waited for.
const APPEND = constants.O_APPEND | constants.O_NONBLOCK | constants.O_WRONLY;

/** Lines for a file that is made for this user alone. Throws if it cannot be opened. */
export function openFileSink(path: string): FileSink {
  const fd = openSync(path, APPEND | constants.O_CREAT, 0o600);
  return { ...createFileSink(fd), close: () => closeSync(fd) };
}

/** Throws what would keep `openFileSink` from opening the file; makes none. */
export function checkFileSink(path: string): void {
  if (existsSync(path)) closeSync(openSync(path, APPEND));
  else accessSync(dirname(path), constants.W_OK | constants.X_OK);
}

function createFileSink(fd: number): Omit<FileSink, 'close'> {
  let dropped = 0;
  // Of a line of which a file that is nearly full, or a pipe that is, took a part: before it is whole no other may follow.
  let rest: Buffer = Buffer.alloc(0);

  /** Answers whether all of it was written. */
  function push(): boolean {
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest));
      return true;
    } catch {
      // The disk is full, or whoever reads is: there is nobody left to tell.
      return false;
    }
  }

  return {
    write(line) {
      if (!push()) {
        dropped += 1;
        return;
      }
      const content = Buffer.from(dropped > 0 ? `${writeDropped(dropped)}${line}` : line);
      rest = content;
      push();
      const isBegun = rest.length < content.length;
      if (!isBegun) rest = Buffer.alloc(0);
      dropped = isBegun ? 0 : dropped + 1;
    },
    get dropped() {
      return dropped + (rest.length > 0 ? 1 : 0);
    },
    follow(before) {
      dropped += before;
    },
  };
}

function writeDropped(dropped: number): string {
  return `${JSON.stringify({ level: 40, time: Date.now(), dropped, msg: 'lines of this log could not be written' })}\n`;
}
