import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A folder's files by their path below it, always with `/`. */
export type Tree = ReadonlyMap<string, string>;

/**
 * The text files under `root`, in order of their paths; an absent folder is an empty tree. What a benchmark leaves there may
 * be larger than a string can be: `isWanted` keeps files unread by their names.
 */
export function readTree(root: string, isWanted: (name: string) => boolean = () => true): Tree {
  let entries: ReturnType<typeof listFolder>;
  try {
    entries = listFolder(root);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
  const paths = entries
    .filter((entry) => entry.isFile() && isWanted(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return new Map(paths.map((path) => [path.slice(root.length + 1).replaceAll('\\', '/'), readFileSync(path, 'utf8')]));
}

function listFolder(root: string) {
  return readdirSync(root, { recursive: true, withFileTypes: true });
}

/** What differs between two trees, a line a file; empty: they are the same. */
export function compareTrees(wanted: Tree, found: Tree): string[] {
  const missing = [...wanted.keys()].filter((path) => !found.has(path)).map((path) => `${path}: missing`);
  const extra = [...found.keys()].filter((path) => !wanted.has(path)).map((path) => `${path}: nothing generates it`);
  const changed = [...wanted]
    .filter(([path, text]) => found.has(path) && found.get(path) !== text)
    .map(([path]) => `${path}: differs`);
  return [...missing, ...extra, ...changed];
}

/** Makes the folder hold exactly `wanted`; files that already do are not touched. */
export function writeTree(root: string, wanted: Tree): void {
  const found = readTree(root);
  for (const [path, text] of wanted) {
    if (found.get(path) === text) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  for (const path of found.keys()) if (!wanted.has(path)) rmSync(join(root, path));
}
