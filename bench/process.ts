import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { FleetAsks } from './roles/fleet.ts';
import type { CalleeAsks, CallerAsks, ProducerAsks, WorkerAsks } from './roles/messages.ts';

const ROLE = join(import.meta.dirname, 'role.ts');

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

export interface RoleProcess<A> {
  readonly pid: number;
  readonly ask: A;
  /** Closes what it has open and ends it. */
  end(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface RoleOptions {
  /** It stands for one with a machine of its own: it gets of the cores what all others leave (SCHED_IDLE). */
  readonly isAway?: boolean;
  /** Its payloads are large. */
  readonly isLarge?: boolean;
}

/** What the README advises for them; and one helper instead of four, as the server has. */
export const LARGE: readonly string[] = [
  '--initial-old-space-size=96',
  '--external-memory-accounted-in-global-limit',
  '--v8-pool-size=1',
];

/** Why nobody can be away here; undefined: they can. */
export function whyNotAway(): string | undefined {
  return spawnSync('chrt', ['--idle', '0', 'true']).status === 0 ? undefined : 'needs chrt (util-linux)';
}

/** A process of its own for one half of the load; what it is asked rejects when it ends. */
function startRole<A extends object>(role: string, options: RoleOptions = {}): RoleProcess<A> {
  const execArgv = [...process.execArgv, ...(options.isLarge ? LARGE : [])];
  const child = fork(ROLE, [role], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    ...(options.isAway ? { execPath: 'chrt', execArgv: ['--idle', '0', process.execPath, ...execArgv] } : { execArgv }),
  });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let lastId = 0;
  let hasEnded = false;
  const ended = once(child, 'exit').then(() => {
    hasEnded = true;
    running.delete(child);
    for (const { reject } of waiting.values()) reject(new Error(`the ${role} process ended`));
    waiting.clear();
  });
  running.add(child);
  child.on('message', ({ id, value, error }: Answer) => {
    const waiter = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) waiter?.resolve(value);
    else waiter?.reject(new Error(`${role}: ${error}`));
  });
  const call = (name: string, args: unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (hasEnded) return reject(new Error(`the ${role} process has ended`));
      lastId += 1;
      waiting.set(lastId, { resolve, reject });
      child.send({ id: lastId, name, args });
    });
  return {
    pid: child.pid ?? 0,
    ask: new Proxy({} as A, {
      get:
        (_, name) =>
        (...args: unknown[]) =>
          call(String(name), args),
    }),
    async end() {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), 2_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

export function startProducerProcess(options?: RoleOptions): RoleProcess<ProducerAsks> {
  return startRole<ProducerAsks>('producer', options);
}

export function startWorkerProcess(options?: RoleOptions): RoleProcess<WorkerAsks> {
  return startRole<WorkerAsks>('worker', options);
}

export function startFleetProcess(): RoleProcess<FleetAsks> {
  return startRole<FleetAsks>('fleet');
}

export function startCallerProcess(options?: RoleOptions): RoleProcess<CallerAsks> {
  return startRole<CallerAsks>('caller', options);
}

export function startCalleeProcess(options?: RoleOptions): RoleProcess<CalleeAsks> {
  return startRole<CalleeAsks>('callee', options);
}
