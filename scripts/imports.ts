import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { isShipped, MOST_ARROWS, packagesRefusedTo, refuseImport, refusePackage } from './layers.ts';
import { readImports } from './modules.ts';
import { ROOT } from './tool.ts';
import { readTree } from './tree.ts';

// Checks the shape of the sources: imports point right, no cycles, no file too long, no unlisted package.

const FOLDERS = [
  'server',
  'client',
  'cli',
  'json',
  'dashboard',
  'testing',
  'shared',
  'wire',
  'tunnel',
  'gen',
  'bin',
  'scripts',
  'test',
  'bench',
  'examples',
];
const SOURCE = /\.(ts|tsx|js|mjs|cjs)$/;
const MAX_LINES = 300;

/** Everything that is wrong with the tree under `root`, a line each. */
export function checkImports(root: string): string[] {
  const sources = readSources(root);
  const packages = readPackages(root);
  const problems: string[] = [];
  const importsByFile = new Map<string, string[]>();
  const packagesByFile = new Map<string, Set<string>>();
  for (const [path, text] of sources) {
    const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
    if (lines > MAX_LINES && !/(^|\/)gen\//.test(path)) problems.push(`${path}: ${lines} lines, at most ${MAX_LINES}`);
    const targets: string[] = [];
    const direct = new Set<string>();
    for (const specifier of readImports(text)) {
      if (!specifier.startsWith('.')) {
        const name = packageOf(specifier);
        if (name !== undefined && isShipped(path) && !packages.has(name)) {
          problems.push(`${path}: ${name} is not in dependencies`);
        }
        const refusal = name === undefined ? undefined : refusePackage(path, name);
        if (name !== undefined) direct.add(name);
        if (refusal !== undefined) problems.push(`${path}: imports ${name}: ${refusal}`);
        continue;
      }
      const target = normalize(join(dirname(path), specifier)).replaceAll('\\', '/');
      const refusal = refuseImport(path, target);
      if (refusal !== undefined) problems.push(`${path}: imports ${target}: ${refusal}`);
      if (sources.has(target)) targets.push(target);
      else if (!existsSync(join(root, target))) problems.push(`${path}: imports ${target}: there is no such file`);
    }
    importsByFile.set(path, targets);
    packagesByFile.set(path, direct);
  }
  problems.push(...findDetours(importsByFile, packagesByFile), ...findCrowded(importsByFile));
  return [...problems, ...findCycles(importsByFile).map((cycle) => `cycle: ${cycle.join(' → ')}`)];
}

/**
 * Packages that a room does not know and that one of its files loads all the same, by way of a file of another room. A
 * room that does not know the package either is told of by itself.
 */
function findDetours(
  importsByFile: ReadonlyMap<string, readonly string[]>,
  packagesByFile: ReadonlyMap<string, ReadonlySet<string>>,
): string[] {
  const doesLoad = (file: string, name: string, seen: Set<string>): boolean => {
    if (seen.has(file)) return false;
    seen.add(file);
    if (packagesByFile.get(file)?.has(name)) return true;
    return (importsByFile.get(file) ?? []).some((target) => doesLoad(target, name, seen));
  };
  return [...importsByFile].flatMap(([file, targets]) =>
    packagesRefusedTo(file).flatMap((name) =>
      targets
        .filter((target) => !packagesRefusedTo(target).includes(name) && doesLoad(target, name, new Set()))
        .map((target) => `${file}: imports ${target}, which loads ${name}: its room does not know it`),
    ),
  );
}

/** Rooms that have more imports between their files than they may. */
function findCrowded(importsByFile: ReadonlyMap<string, readonly string[]>): string[] {
  return Object.entries(MOST_ARROWS).flatMap(([room, most]) => {
    const isInside = (file: string): boolean => file.startsWith(`${room}/`);
    const arrows = [...importsByFile].flatMap(([file, targets]) =>
      isInside(file) ? [...new Set(targets)].filter((target) => isInside(target) && target !== file) : [],
    );
    return arrows.length > most ? [`${room}: ${arrows.length} imports between its files, at most ${most}`] : [];
  });
}

function readSources(root: string): Map<string, string> {
  const trees = FOLDERS.flatMap((folder) =>
    [...readTree(join(root, folder), (name) => SOURCE.test(name))].map(([path, text]): [string, string] => [
      `${folder}/${path}`,
      text,
    ]),
  );
  return new Map(trees.filter(([path]) => !/\/node_modules\/|^dashboard\/built\//.test(path)));
}

function readPackages(root: string): Set<string> {
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  const manifest = JSON.parse(text) as { name: string; dependencies?: Record<string, string> };
  return new Set(Object.keys(manifest.dependencies ?? {}));
}

/** The package of a bare specifier; undefined for what is part of Node. */
function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('node:')) return undefined;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Each way round that a walk over all files meets; the first and the last file are the same. */
export function findCycles(importsByFile: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const start = path.indexOf(file);
    if (start >= 0) {
      cycles.push([...path.slice(start), file]);
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const target of importsByFile.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of importsByFile.keys()) visit(file);
  return cycles;
}

if (import.meta.main) {
  const problems = checkImports(ROOT);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}
