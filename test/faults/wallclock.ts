import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The wall clock of processes that are started with `env`; their monotonic clock is left alone. */
export interface WallClock {
  readonly env: Readonly<Record<string, string>>;
  /** Hours ahead of the true one, or behind. */
  jump(hours: number): void;
}

const SHARED = '/dev/shm';

/**
 * What the library shares with children is named by process id, stays when a process is killed, and keeps the wrapper
 * from working in a later process that has the id of one of those.
 */
function removeLeftovers(): void {
  for (const name of existsSync(SHARED) ? readdirSync(SHARED) : []) {
    const pid = /^(?:faketime_shm|sem\.faketime_sem)_(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(SHARED, name), { force: true });
  }
}

let library: string | undefined;

/** Where the wrapper of Debian's faketime finds its library; undefined: there is none. */
function findLibrary(): string | undefined {
  if (library !== undefined) return library;
  removeLeftovers();
  const { stdout } = spawnSync('faketime', ['-f', '+0', 'env'], { encoding: 'utf8' });
  library = /^LD_PRELOAD=(.+)$/m.exec(stdout ?? '')?.[1];
  return library;
}

/** Undefined: clocks can be set here. */
export function whyNoWallClock(): string | undefined {
  const preload = findLibrary();
  if (preload === undefined) return 'faketime is not installed';
  const env = { ...process.env, LD_PRELOAD: preload, FAKETIME: '-10d', DONT_FAKE_MONOTONIC: '1' };
  const { stdout } = spawnSync(process.execPath, ['-p', 'Date.now()'], { env, encoding: 'utf8' });
  return Number(stdout) < Date.now() - 9 * 86_400_000 ? undefined : 'faketime does not work with this Node';
}

export function createWallClock(folder: string): WallClock {
  const preload = findLibrary();
  if (preload === undefined) throw new Error('faketime told nobody where its library is');
  removeLeftovers();
  const file = join(folder, 'wallclock');
  function jump(hours: number): void {
    // In one go: it is read at every look at the clock.
    writeFileSync(`${file}.next`, `${hours < 0 ? '' : '+'}${hours * 3_600}\n`);
    renameSync(`${file}.next`, file);
  }
  jump(0);
  return {
    env: {
      LD_PRELOAD: preload,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
    jump,
  };
}
