import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { readImports } from './modules.ts';

// The doors for `require()`. Every supported Node requires ES modules itself, so the code is there once and a class is
// the same class whoever loads it. TypeScript under `module: node16` refuses that all the same unless the declarations
// are said to be CommonJS: they are copied to a folder that says so.

export const COMMONJS = 'commonjs';

/** Makes `commonjs/` in a built package: for each of the compiled files a module that requires it, and its declarations. */
export function writeCommonJs(dist: string, entries: readonly string[]): void {
  const done = new Set<string>();
  const copy = (declarations: string): void => {
    if (done.has(declarations)) return;
    done.add(declarations);
    const text = readFileSync(join(dist, declarations), 'utf8');
    write(join(dist, COMMONJS, declarations), text);
    for (const specifier of readImports(text).filter((name) => name.startsWith('.'))) {
      copy(normalize(join(dirname(declarations), specifier)).replace(/\.js$/, '.d.ts'));
    }
  };
  for (const entry of entries) {
    copy(entry.replace(/\.js$/, '.d.ts'));
    const target = relative(join(COMMONJS, dirname(entry)), entry).replaceAll('\\', '/');
    write(join(dist, COMMONJS, entry), `module.exports = require('${target}');\n`);
  }
  write(join(dist, COMMONJS, 'package.json'), '{ "type": "commonjs" }\n');
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
