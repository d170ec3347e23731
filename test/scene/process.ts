import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { after } from 'mocha';
import { removeFolders } from './folder.ts';
import './full.ts';

const SOURCES = join(import.meta.dirname, '..', '..', 'bin', 'contact.js');
/** The command of this checkout; in `npm test` its code in a few files (`scripts/bundle.ts`), which starts in half the time. */
export const CONTACT = process.env.CONTACT_TEST_COMMAND ?? SOURCES;
/** For whoever starts it by its name. */
export const FIRST_LINE = readFileSync(CONTACT, 'utf8').split('\n', 1)[0]!;
/** What that gives Node. */
export const NODE_FLAGS: readonly string[] = FIRST_LINE.match(/--\S+/g) ?? [];

/** What this process may have, and a command that is tried must not. */
const UNSET = {
  CONTACT_SERVER: undefined,
  CONTACT_TOKEN: undefined,
  CONTACT_TOKEN_FILE: undefined,
  CONTACT_CREDENTIAL_FILE: undefined,
  CONTACT_PROFILE: undefined,
};

export interface ProcessOptions {
  /** The whole of stdin; absent: empty. `open`: stays open, write to `child.stdin`. */
  readonly stdin?: string | Uint8Array | 'open';
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments for Node, before the script. */
  readonly nodeArgs?: readonly string[];
  /** A program that runs it, with its arguments (`strace …`); it must become the process that it runs. */
  readonly under?: readonly string[];
  /** It has children that outlive it: SIGKILL is for its whole group of processes. */
  readonly isGroup?: boolean;
}

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it has written so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when it has ended and all its output was read. */
  readonly ended: Promise<Ended>;
  /**
   * Resolves with the match once stdout or stderr (both, by default) has one; rejects when the process ends without.
   */
  waitFor(pattern: RegExp, where?: 'stdout' | 'stderr'): Promise<RegExpExecArray>;
  /** Sends a signal (SIGTERM by default) and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
}

export interface ServerProcess extends TestProcess {
  readonly port: number;
  /** HOST:PORT. */
  readonly address: string;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<Ended>;
}

const running = new Set<TestProcess>();

/** Call it in a `describe`, after its own `after()` hooks: then no process and no folder of the suite is left. */
export function cleanUpProcesses(): void {
  after(async () => {
    await Promise.all([...running].map((process) => process.stop('SIGKILL')));
    removeFolders();
  });
}

// For a test run that ends in the middle of a suite.
process.on('exit', () => {
  for (const one of running) void one.stop('SIGKILL');
});

/** False also for one that has ended and was not collected yet. */
export function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** `contact ARGS…` */
export function startContact(args: readonly string[], options: ProcessOptions = {}): TestProcess {
  // What is loaded beside it may be about its modules, as they are.
  const script = options.nodeArgs?.includes('--import') ? SOURCES : CONTACT;
  return startNode([script, ...args], options);
}

/** `node SCRIPT ARGS…`, or any arguments of Node. */
export function startNode(args: readonly string[], options: ProcessOptions = {}): TestProcess {
  const [command = '', ...rest] = [...(options.under ?? []), process.execPath, ...(options.nodeArgs ?? []), ...args];
  return startProgram(command, rest, options);
}

/** Any other program; `nodeArgs` and `under` mean nothing to it. */
export function startProgram(command: string, args: readonly string[], options: ProcessOptions = {}): TestProcess {
  const child = spawn(command, args, {
    stdio: 'pipe',
    env: { ...process.env, ...UNSET, ...options.env },
    detached: options.isGroup === true,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // What a process leaves that is killed may be a reset instead of an end; either way it is over.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined);
  if (options.stdin !== 'open') child.stdin.end(options.stdin);
  const ended = once(child, 'close').then(([code, signal]): Ended => {
    running.delete(started);
    return { code, signal, stdout, stderr };
  });
  const started: TestProcess = {
    child,
    pid: child.pid ?? 0,
    ended,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    waitFor(pattern, where) {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
      const look = (): void => {
        const match = pattern.exec(where === undefined ? `${stdout}\n${stderr}` : where === 'stdout' ? stdout : stderr);
        if (match) resolve(match);
      };
      const sources = [child.stdout, child.stderr];
      for (const source of sources) source.on('data', look);
      void ended.then(() => reject(new Error(`ended without ${pattern}\nstdout: ${stdout}\nstderr: ${stderr}`)));
      look();
      return promise.finally(() => {
        for (const source of sources) source.off('data', look);
      });
    },
    stop(signal = 'SIGTERM') {
      if (options.isGroup && signal === 'SIGKILL') killGroup(started.pid);
      else child.kill(signal);
      return ended;
    },
  };
  running.add(started);
  return started;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of it is left.
  }
}

/** Runs `contact ARGS…` to its end. */
export function runContact(args: readonly string[], options: ProcessOptions = {}): Promise<Ended> {
  return startContact(args, options).ended;
}

export interface ServerProcessOptions extends ProcessOptions {
  /** Default `memory:`. */
  readonly store?: string;
  /** Default `127.0.0.1:0`. */
  readonly listen?: string;
  /** Further flags of `contact serve`. */
  readonly args?: readonly string[];
}

/**
 * `contact serve` on a free port, listening. The port is none that the system gives to outgoing connections: while a server
 * is away that comes back to its port, nobody else gets it.
 */
export async function startServer(options: ServerProcessOptions = {}): Promise<ServerProcess> {
  const { store = 'memory:', listen = `127.0.0.1:${await findPort()}`, args = [] } = options;
  const started = startContact(['serve', '--listen', listen, '--store', store, ...args], options);
  const [, address = ''] = await started.waitFor(/^listening (\S+)$/m, 'stdout');
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  return Object.assign(started, { address, port, kill: () => started.stop('SIGKILL') });
}

const [LOWEST_PORT, HIGHEST_PORT] = [10_000, 32_000];

/** A free one that the system gives to no outgoing connection. */
export async function findPort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT);
    const probe = createNetServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
