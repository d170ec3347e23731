import { spawnSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The wall clock of processes that are started with `env`; their monotonic clock is left alone. */
export interface WallClock {
  readonly env: Readonly<Record<string, string>>;
  /** Hours ahead of the true one, or behind. */
  jump(hours: number): void;
}

/** Where the wrapper of Debian's faketime finds its library; undefined: there is none. */
function findLibrary(): string | undefined {
  const { stdout } = spawnSync('faketime', ['-f', '+0', 'env'], { encoding: 'utf8' });
  return /^LD_PRELOAD=(.+)$/m.exec(stdout ?? '')?.[1];
}

/** Undefined: clocks can be set here. */
export function whyNoWallClock(): string | undefined {
  const library = findLibrary();
  if (library === undefined) return 'faketime is not installed';
  const env = { ...process.env, LD_PRELOAD: library, FAKETIME: '-10d', DONT_FAKE_MONOTONIC: '1' };
  const { stdout } = spawnSync(process.execPath, ['-p', 'Date.now()'], { env, encoding: 'utf8' });
  return Number(stdout) < Date.now() - 9 * 86_400_000 ? undefined : 'faketime does not work with this Node';
}

export function createWallClock(folder: string): WallClock {
  const file = join(folder, 'wallclock');
  function jump(hours: number): void {
    // In one go: it is read at every look at the clock.
    writeFileSync(`${file}.next`, `${hours < 0 ? '' : '+'}${hours * 3_600}\n`);
    renameSync(`${file}.next`, file);
  }
  jump(0);
  return {
    env: {
      LD_PRELOAD: findLibrary() ?? '',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
    jump,
  };
}
