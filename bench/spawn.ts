import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { listTree } from './usage.ts';

/** What a stopped process may take before it is killed. */
const STOP_MS = 15_000;
const OUTPUT_KEPT = 4_000;

const running = new Set<ChildProcess>();

/** Kills it with all that it has started, and that a shell script in between would leave behind. */
function killTree(child: ChildProcess): void {
  for (const pid of child.pid === undefined ? [] : listTree(child.pid)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}

// For a run that ends in the middle.
process.on('exit', () => {
  for (const child of running) killTree(child);
});

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly folder?: string;
  readonly uid?: number;
  readonly gid?: number;
}

export interface Spawned {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Resolves with the match once its output has one; rejects when it ends without. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  /** Asks it to end, and kills its tree when it does not; SIGKILL does so at once. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts a program whose standard output and error are read here. It ends with this process. */
export function spawnProgram(command: string, args: readonly string[], options: SpawnOptions = {}): Spawned {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.folder === undefined ? {} : { cwd: options.folder }),
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.gid }),
  });
  let output = '';
  const ended = once(child, 'close').catch((error: Error) => {
    output += error.message;
  });
  running.add(child);
  void ended.then(() => running.delete(child));
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-OUTPUT_KEPT);
      child.emit('output');
    });
  }
  return {
    pid: child.pid ?? 0,
    child,
    waitFor(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
      const look = (): void => {
        const match = pattern.exec(output);
        if (match) resolve(match);
      };
      child.on('output', look);
      void ended.then(() => reject(new Error(`${command} ended: ${output}`)));
      look();
      return promise.finally(() => child.off('output', look));
    },
    async stop(signal = 'SIGTERM') {
      if (signal === 'SIGKILL') killTree(child);
      else child.kill(signal);
      const timer = setTimeout(() => killTree(child), STOP_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
