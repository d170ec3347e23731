import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../clock.ts';
import type { StartOptions } from '../system.ts';

/** Added to every fsync and fdatasync of the server. */
export const FSYNC_MS = 10;

const PATIENCE_MS = 10_000;

/** How late an event loop was, in milliseconds. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Why a disk cannot be made slow here; undefined: it can. */
export function whyNotSlow(): string | undefined {
  return spawnSync('gcc', ['--version']).status === 0 ? undefined : 'needs gcc, for a preloaded fsync';
}

/** A server whose disk is slow, and which tells how late its event loop is. */
export interface SlowDisk {
  readonly start: Omit<StartOptions, 'folder'>;
  /** Since the last call. */
  readDelay(pid: number): Promise<LoopDelay>;
  remove(): void;
}

export function createSlowDisk(): SlowDisk {
  const folder = mkdtempSync(join(tmpdir(), 'contact-bench-'));
  const library = join(folder, 'slow.so');
  const file = join(folder, 'delay.json');
  execFileSync('gcc', ['-shared', '-fPIC', '-O2', '-o', library, join(import.meta.dirname, 'slow.c'), '-ldl']);
  return {
    start: {
      nodeArgs: ['--import', join(import.meta.dirname, 'delay.ts')],
      env: { LD_PRELOAD: library, BENCH_FSYNC_US: String(FSYNC_MS * 1_000), BENCH_DELAY_FILE: file },
    },
    async readDelay(pid) {
      rmSync(file, { force: true });
      process.kill(pid, 'SIGUSR2');
      return until('the delay of the event loop', PATIENCE_MS, () => {
        try {
          return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as LoopDelay) : undefined;
        } catch {
          // Half written.
          return undefined;
        }
      });
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
