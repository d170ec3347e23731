import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface FoundFile {
  readonly path: string;
  readonly size: number;
  /** Milliseconds since 1970, to tell a wrong answer from a file that somebody changed meanwhile. */
  readonly modifiedAt: number;
}

/** Made while people work or tests run: such files change under our hands. */
const SKIPPED = new Set(['.git', 'dist', 'coverage']);
const SKIPPED_ENDING = /\.db(-wal|-shm)?$|\.lock$|\.log$|\.tgz$/;

/** Files under `root`, the project's own before its dependencies, at most `maxCount` of at most `maxBytes` each. */
export function findFiles(root: string, maxCount: number, maxBytes: number): FoundFile[] {
  const found: FoundFile[] = [];
  const folders = [root];
  const dependencies: string[] = [];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop() ?? dependencies.pop()) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (entry.name === 'node_modules') dependencies.push(path);
        else if (!SKIPPED.has(entry.name)) folders.push(path);
      } else if (entry.isFile() && !SKIPPED_ENDING.test(entry.name)) {
        const { size, mtimeMs } = statSync(path);
        if (size <= maxBytes) found.push({ path, size, modifiedAt: mtimeMs });
        if (found.length === maxCount) return found;
      }
    }
  }
  return found;
}

export function hasChanged(file: FoundFile): boolean {
  try {
    const { size, mtimeMs } = statSync(file.path);
    return size !== file.size || mtimeMs !== file.modifiedAt;
  } catch {
    return true;
  }
}
