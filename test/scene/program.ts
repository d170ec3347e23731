import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A running process whose output, both streams together, is read by lines. */
export interface Program {
  /** So far. */
  readonly lines: readonly string[];
  /** The first line that matches, from the start of the output; fails when the process ends without one. */
  waitForLine(pattern: RegExp): Promise<RegExpExecArray>;
  /** What `work` answers; fails with the output when the process ends before. */
  outlive<T>(work: Promise<T>): Promise<T>;
  /** Waits for its end; fails with its output unless the exit code is 0. */
  succeed(): Promise<void>;
  /** Ends it, by SIGTERM unless said otherwise, and waits until it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the signal that has ended it; null: it ended by itself. */
  readonly killedBy: Promise<NodeJS.Signals | null>;
}

export interface ProgramOptions {
  readonly folder: string;
  /** Beside what this process has. */
  readonly environment?: Readonly<Record<string, string>>;
}

export function startProgram(command: string, args: readonly string[], options: ProgramOptions): Program {
  const child = spawn(command, args, {
    cwd: options.folder,
    env: { ...process.env, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close').then(([code]) => code as number | null);
  const lines: string[] = [];
  const wake = new EventTarget();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => {
      lines.push(line);
      wake.dispatchEvent(new Event('line'));
    });
  }
  const describe = (): string => `${command} ${args.join(' ')} said:\n${lines.join('\n')}`;

  return {
    lines,
    async waitForLine(pattern) {
      for (let at = 0; ; ) {
        for (; at < lines.length; at++) {
          const match = pattern.exec(lines[at] ?? '');
          if (match) return match;
        }
        const isOpen = await Promise.race([once(wake, 'line').then(() => true), closed.then(() => false)]);
        if (!isOpen && at === lines.length) assert.fail(`no line ${pattern}: ${describe()}`);
      }
    },
    outlive(work) {
      return Promise.race([work, closed.then((code) => assert.fail(`ended with ${code}: ${describe()}`))]);
    },
    async succeed() {
      assert.equal(await closed, 0, describe());
    },
    kill: (signal) => void child.kill(signal),
    killedBy: closed.then(() => child.signalCode),
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      await closed;
    },
  };
}
