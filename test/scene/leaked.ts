import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** So many characters of a secret in a row are too many. */
const WINDOW = 10;

/**
 * Where a secret is, or a part of it.
 * @param secrets by what they are
 * @param seen whatever anybody could see, by where that was
 */
export function findLeaks(secrets: ReadonlyMap<string, string>, seen: ReadonlyMap<string, string>): string[] {
  return [...seen].flatMap(([where, text]) =>
    [...secrets].flatMap(([what, secret]) => {
      for (let from = 0; from + WINDOW <= secret.length; from++) {
        const place = text.indexOf(secret.slice(from, from + WINDOW));
        if (place >= 0) return [`${what} in ${where}: …${text.slice(Math.max(0, place - 60), place + WINDOW)}`];
      }
      return [];
    }),
  );
}

/** The paths of all that is below a folder and is no folder. */
export function listFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name));
}
