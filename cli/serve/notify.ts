import { execFile } from 'node:child_process';
import type { Logger } from '../../shared/logger.ts';

/** Where the process that tells is not there, or hangs, the server goes on all the same. */
const PATIENCE_MS = 5_000;

/** What systemd is told by a service of `Type=notify`; without systemd nothing is. */
export interface ServiceManager {
  /** Calls are accepted. From now on it is told as often as it wants that the event loop turns. */
  ready(): void;
  /** The configuration is read anew; `ready` follows. */
  reloading(): void;
  stopping(): void;
  /** Resolves when all of it is told. */
  close(): Promise<void>;
}

/**
 * Tells by `systemd-notify`, since Node has no datagram sockets of Unix; so the unit needs `NotifyAccess=all`. One after
 * the other and beside the event loop: a manager that does not listen holds up nothing.
 */
export function createServiceManager(environment: NodeJS.ProcessEnv, logger: Logger): ServiceManager {
  const { NOTIFY_SOCKET } = environment;
  let told: Promise<void> = Promise.resolve();
  let watching: NodeJS.Timeout | undefined;
  let hasFailed = false;

  function tell(...assignments: readonly string[]): void {
    if (!NOTIFY_SOCKET) return;
    told = told.then(() => run(assignments)).catch(warn);
  }

  function run(assignments: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      execFile('systemd-notify', assignments, { env: environment, timeout: PATIENCE_MS }, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  function warn(err: unknown): void {
    if (!hasFailed) logger.warn({ err }, 'systemd cannot be told how the server is');
    hasFailed = true;
  }

  function watch(): void {
    const intervalMs = readWatchdogMs(environment);
    if (intervalMs === undefined || !NOTIFY_SOCKET) return;
    // Twice in the time that it has.
    watching ??= setInterval(() => tell('WATCHDOG=1'), intervalMs / 2).unref();
  }

  return {
    ready() {
      tell('READY=1', `STATUS=serving, pid ${process.pid}`);
      watch();
    },
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`),
    stopping() {
      tell('STOPPING=1', 'STATUS=stopping');
    },
    close() {
      clearInterval(watching);
      return told;
    },
  };
}

/** Within which time it wants to hear of this process; undefined: it does not watch it. */
function readWatchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | undefined {
  if (WATCHDOG_PID && Number(WATCHDOG_PID) !== process.pid) return undefined;
  const ms = Number(WATCHDOG_USEC) / 1_000;
  return ms >= 1 ? ms : undefined;
}
