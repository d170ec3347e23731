import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'mocha';

/** A small disk of its own. */
export interface SmallDisk {
  readonly folder: string;
  /** Makes it as large as what is on it and `bytes` more. */
  leaveFree(bytes: number): void;
  readonly freeBytes: number;
}

const mounted = new Set<string>();

/** Undefined: done; else why not. */
function tryMount(options: string, folder: string): string | undefined {
  const { status, error, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'contact-test', folder]);
  return status === 0 ? undefined : (error?.message ?? String(stderr).trim());
}

function unmountAll(): void {
  for (const folder of mounted) {
    mounted.delete(folder);
    // Lazily: it goes even if a process that was not stopped still has a file open.
    execFileSync('umount', ['--lazy', folder]);
    rmdirSync(folder);
  }
}

process.on('exit', unmountAll);

/** Call it in a `describe`, after `cleanUpProcesses()`: then no disk of the suite is left. */
export function cleanUpDisks(): void {
  after(unmountAll);
}

/** Undefined: disks can be made here. */
export function whyNoDisk(): string | undefined {
  if (process.platform !== 'linux') return 'a tmpfs is a thing of Linux';
  const folder = mkdtempSync(join(tmpdir(), 'contact-disk-'));
  const reason = tryMount('size=64k', folder);
  if (reason === undefined) execFileSync('umount', [folder]);
  rmdirSync(folder);
  return reason && `a tmpfs cannot be mounted (root only): ${reason}`;
}

export function createDisk(bytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'contact-disk-'));
  const reason = tryMount(`size=${bytes}`, folder);
  if (reason !== undefined) throw new Error(reason);
  mounted.add(folder);
  return {
    folder,
    leaveFree(free) {
      // Refused when more is on it by then.
      for (;;) {
        const { blocks, bfree, bsize } = statfsSync(folder);
        if (tryMount(`remount,size=${(blocks - bfree) * bsize + free}`, folder) === undefined) break;
      }
    },
    get freeBytes() {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize;
    },
  };
}
