import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program and its arguments. */
export type CommandLine = readonly [string, ...string[]];

export function isCommandLine(words: readonly string[] | undefined): words is CommandLine {
  return words !== undefined && words.length > 0 && words[0] !== '';
}

/** Whether `file` can be executed: a path as it stands, a bare name somewhere on PATH. */
export function isExecutable(file: string): boolean {
  const places = file.includes('/')
    ? [file]
    : (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder || '.', file));
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return statSync(place).isFile();
    } catch {
      return false;
    }
  });
}
