import { chmodSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { log } from './log.ts';

/** As statfs(2) names it. */
const TMPFS = 0x01021994;

/** Runs with a folder for the servers' data below `parent`, which is gone afterwards. */
export async function withDataFolder<T>(parent: string, run: (folder: string) => Promise<T>): Promise<T> {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'data-'));
  // Some servers refuse to be root, and have to get there as somebody else.
  chmodSync(folder, 0o755);
  if (statfsSync(folder).type === TMPFS)
    log(`WARNING ${parent} is in memory, nothing there is durable: --out on a disk`);
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
