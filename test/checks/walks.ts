import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { readImports } from '../../scripts/modules.ts';
import { ROOT } from '../../scripts/tool.ts';

/** A place that a page names as `folder/file.ts: name`; a folder that is none of the project's is one of `server/`. */
interface Hop {
  readonly file: string;
  readonly name: string;
  /** The text between this hop and the next one, or the end. */
  readonly after: string;
}

/** Whether a source has a function, a type, a method or a member of this name; a use of it or a comment is none. */
export function defines(source: string, name: string): boolean {
  const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  const escaped = name.replace('$', '\\$');
  const declared = `\\b(?:function|interface|type|class|const) ${escaped}(?![\\w$])`;
  // A member with its value, its type or its parameters; a call ends with a semicolon.
  const member = `^\\s+(?:readonly |async )*${escaped}(?:\\??: |,$|\\($|[(<][^;\\n]*(?: \\{|\\): [^\\n]*;)$)`;
  const returned = `return \\{[^}]*(?<![\\w$.])${escaped}(?![\\w$])`;
  return new RegExp(`${declared}|${member}|${returned}`, 'm').test(code);
}

export function readHops(page: string): Hop[] {
  const found = [...page.matchAll(/`((?:[a-z]+\/)+\w+\.ts):\s+([\w$]+)`/g)];
  return found.map(({ 0: text, 1: file, 2: name, index }, at) => {
    return { file: file!, name: name!, after: page.slice(index + text.length, found[at + 1]?.index).trim() };
  });
}

/**
 * What is wrong with the ways that a page tells, a line each: a hop that is not defined where it is said to be, and an
 * arrow within a paragraph between files of which neither imports the other. Down, the file of the hop before imports the next; up, the
 * next implements or hears what the one before declares.
 */
export function findWrongHops(page: string): string[] {
  const hops = readHops(page);
  const missing = hops.filter(({ file, name }) => !defines(readSource(file), name));
  const arrows = hops.flatMap((hop, at) => {
    const next = hops[at + 1];
    const isArrow = hop.after.startsWith('→') && !hop.after.includes('\n\n');
    return next && isArrow && !isTied(hop.file, next.file) ? [`${hop.file} → ${next.file}`] : [];
  });
  return [...missing.map(({ file, name }) => `${file}: has no ${name}`), ...arrows.map((one) => `${one}: no import`)];
}

function isTied(from: string, to: string): boolean {
  return from === to || importsOf(from).includes(pathOf(to)) || importsOf(to).includes(pathOf(from));
}

function importsOf(file: string): string[] {
  return readImports(readSource(file)).map((specifier) => normalize(join(dirname(pathOf(file)), specifier)));
}

/** Below the project's top. */
function pathOf(file: string): string {
  return existsSync(join(ROOT, file)) ? file : join('server', file);
}

function readSource(file: string): string {
  const path = join(ROOT, pathOf(file));
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
