import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const HERE = import.meta.dirname;
const COMMAND = join(HERE, '..', '..', 'bin', 'contact.js');
const STOP_PATIENCE_MS = 10_000;

/** Everything the demo started and that has not ended. */
const running = new Set<ChildProcess>();

function keep(child: ChildProcess): ChildProcess {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

export interface ServerProcess {
  /** HOST:PORT. */
  readonly address: string;
  readonly child: ChildProcess;
}

/** `contact serve` on a free port. */
export async function startServer(storePath: string, resumeWindow: string): Promise<ServerProcess> {
  const options = [
    'serve',
    '--listen',
    '127.0.0.1:0',
    '--store',
    `sqlite:${storePath}`,
    '--resume-window',
    resumeWindow,
  ];
  const child = keep(
    spawn(process.execPath, [COMMAND, ...options, '--log-level', 'error'], { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  if (!child.stdout) throw new Error('the server has no stdout');
  for await (const line of createInterface(child.stdout)) {
    const [, address] = /^listening (\S+)$/.exec(line) ?? [];
    if (address) return { address, child };
  }
  throw new Error('the server ended before it listened');
}

/** A worker process; resolves once it is registered. */
export async function startWorker(
  address: string,
  name: string,
  onRunning: (count: number) => void,
): Promise<ChildProcess> {
  const child = keep(
    fork(join(HERE, 'worker.ts'), [address, name], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
  );
  child.on('message', (message: { running: number }) => onRunning(message.running));
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => {
      throw new Error(`${name} ended before it was connected`);
    }),
  ]);
  return child;
}

/** Asks a process to end, and makes it after 10 s. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE_MS);
  child.kill('SIGTERM');
  await ended;
  clearTimeout(timer);
}

export function killProcesses(): void {
  for (const child of running) child.kill('SIGKILL');
}
