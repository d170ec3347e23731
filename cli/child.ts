import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTimer } from '../shared/clock.ts';
import type { CommandLine } from './command.ts';
import { stripControls } from './escape.ts';
import { openProcessGroup, type ProcessGroup } from './group.ts';
import { createLineCutter, type LineCutter } from './linecutter.ts';

export interface ChildOptions {
  readonly command: CommandLine;
  /** Given on stdin; a command that does not read it is all right. */
  readonly input: Uint8Array;
  /** Added to the environment of this process; what is undefined is taken out of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The most bytes of stdout; a command that writes more is killed. */
  readonly maxOutputBytes: number;
  /** Milliseconds from SIGTERM to SIGKILL after an abort. */
  readonly killAfterMs: number;
  readonly signal: AbortSignal;
  /** Called when the command has begun. */
  readonly onStart?: () => void;
  /** Called with each line of stderr, without control characters; of one that is longer than 2,048 characters with those. */
  readonly onErrorLine?: (line: string) => void;
}

export interface ChildEnd {
  readonly output: Buffer;
  /** The end of stderr without control characters; at most 2 KiB. */
  readonly errorText: string;
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signalName: NodeJS.Signals | null;
  readonly isOverLimit: boolean;
  /** The abort came before it had exited by itself. */
  readonly isAborted: boolean;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const ERROR_TEXT_BYTES = 2_048;
/** How long a command's background children may keep its output open after it exited. */
const OUTPUT_GRACE_MS = 500;
const CLOSE_GRACE_MS = 100;
const POLL_MS = 50;

/**
 * Runs a command in a process group of its own and collects what it says. When this resolves, nobody of the group is
 * left. Rejects when the command cannot be started (ENOENT, EACCES, EAGAIN …).
 */
export async function runChild(options: ChildOptions): Promise<ChildEnd> {
  const [file, ...args] = options.command;
  const child: Child = spawn(file, args, {
    detached: true,
    stdio: 'pipe',
    env: { ...process.env, ...options.env },
  });
  // One that could not be spawned has no streams where this process is out of descriptors, and says so later.
  const spawned = once(child, 'spawn');
  // Writing to a command that does not read, or has gone, is no failure.
  child.stdin?.on('error', () => undefined);
  await spawned;
  options.onStart?.();
  const group = openProcessGroup(child.pid as number);
  try {
    return await followChild(child, group, options);
  } finally {
    group.close();
    child.stdin.destroy();
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

async function followChild(child: Child, group: ProcessGroup, options: ChildOptions): Promise<ChildEnd> {
  const closed = once(child, 'close').then(() => undefined);
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let isOverLimit = false;
  const output = collectOutput(child.stdout, options.maxOutputBytes, () => {
    isOverLimit = true;
    group.signal('SIGKILL');
  });
  const readErrorText = collectErrorText(child.stderr);
  const errorLines = options.onErrorLine && cutErrorLines(child.stderr, options.onErrorLine);
  let isAborted = false;
  let killAt = Number.POSITIVE_INFINITY;
  let stopKilling = (): void => undefined;
  const onAbort = (): void => {
    isAborted = true;
    killAt = performance.now() + options.killAfterMs;
    // Longer than 24 days is more than `setTimeout` can count, and would be no time at all.
    stopKilling = startTimer(options.killAfterMs, () => group.signal('SIGKILL'));
    group.signal('SIGTERM');
  };
  if (options.signal.aborted) onAbort();
  else options.signal.addEventListener('abort', onAbort, { once: true });

  try {
    child.stdin.end(options.input);
    const [exitCode, signalName] = await exited;
    options.signal.removeEventListener('abort', onAbort);
    // A leader that dies of SIGTERM at once does not take the time from those of its group who clean up.
    while (isAborted && performance.now() < killAt && group.isAlive()) await sleep(POLL_MS);
    if (!isAborted && !isOverLimit) await within(OUTPUT_GRACE_MS, closed);
    group.close();
    await within(CLOSE_GRACE_MS, closed);
    errorLines?.end();
    return { output: output(), errorText: readErrorText(), exitCode, signalName, isOverLimit, isAborted };
  } finally {
    stopKilling();
  }
}

async function within(ms: number, event: Promise<void>): Promise<void> {
  const stop = new AbortController();
  const timer = sleep(ms, undefined, { signal: stop.signal }).catch(() => undefined);
  await Promise.race([event, timer]);
  stop.abort();
}

function collectOutput(stream: Readable, maxBytes: number, onOverflow: () => void): () => Buffer {
  let chunks: Buffer[] = [];
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= maxBytes) {
      chunks.push(chunk);
    } else {
      chunks = [];
      stream.destroy();
      onOverflow();
    }
  });
  stream.on('error', () => undefined);
  return () => Buffer.concat(chunks);
}

function cutErrorLines(stream: Readable, onLine: (line: string) => void): LineCutter {
  const cutter = createLineCutter((line) => {
    const text = stripControls(line);
    if (text.trim() !== '') onLine(text);
  });
  stream.on('data', cutter.push);
  return cutter;
}

function collectErrorText(stream: Readable): () => string {
  let tail = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]);
    if (tail.length > ERROR_TEXT_BYTES) tail = Buffer.from(tail.subarray(-ERROR_TEXT_BYTES));
  });
  stream.on('error', () => undefined);
  return () => {
    // The cut may have left the rest of a character at the beginning.
    let start = 0;
    while (start < 3 && ((tail[start] ?? 0) & 0xc0) === 0x80) start += 1;
    return stripControls(tail.toString('utf8', start)).trim();
  };
}
