import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { createFolder } from './folder.ts';
import { CONTACT } from './process.ts';
import { findPython } from './python.ts';

// A guide is a page whose blocks are one session: programs, whose first line is a comment with the name of their file, commands
// (`sh`), and lines that those say (`text`), in whatever order, where … stands for anything.

export interface Step {
  readonly commands: string;
  /** Each is a whole line of what the session says. */
  readonly told: readonly RegExp[];
}

export interface Guide {
  readonly name: string;
  /** Text by the name of the file. */
  readonly programs: ReadonlyMap<string, string>;
  readonly steps: readonly Step[];
}

const GUIDES = join(ROOT, 'docs', 'guides');
const FENCE = /^```(\w+)\n([\s\S]*?)^```$/gm;
const FILE = /^(?:\/\/|#) (\S+\.(?:ts|py))\n/;

/** The pages of docs/guides. */
export function readGuides(): readonly Guide[] {
  return readdirSync(GUIDES)
    .filter((name) => name.endsWith('.md'))
    .map((name) => readGuide(name, readFileSync(join(GUIDES, name), 'utf8')));
}

/** Fails on a block that nothing would run or compare. */
export function readGuide(name: string, page: string): Guide {
  const programs = new Map<string, string>();
  const steps: { commands: string; told: RegExp[] }[] = [];
  for (const [, language, text = ''] of page.matchAll(FENCE)) {
    const file = FILE.exec(text)?.[1];
    const last = steps.at(-1);
    if (language === 'sh') steps.push({ commands: text, told: [] });
    else if (language === 'text' && last) last.told.push(...text.trimEnd().split('\n').map(readLine));
    else if (file === undefined || programs.has(file)) throw new Error(`${name}: a block that nothing runs:\n${text}`);
    else programs.set(file, text);
  }
  return { name, programs, steps };
}

function readLine(line: string): RegExp {
  return new RegExp(
    `^${line
      .split('…')
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  );
}

/** A folder with the programs, and what they import, speaking to these addresses in place of those of the guide. */
export function prepareGuide(guide: Guide, addresses: Readonly<Record<string, string>>): string {
  const folder = createFolder();
  for (const name of ['node_modules', 'bin']) mkdirSync(join(folder, name));
  symlinkSync(ROOT, join(folder, 'node_modules', 'contactd'));
  for (const name of ['@bufbuild', '@types'])
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  symlinkSync(join(ROOT, 'proto'), join(folder, 'proto'));
  symlinkSync(join(ROOT, 'examples', 'reverse', 'gen'), join(folder, 'gen'));
  symlinkSync(process.execPath, join(folder, 'bin', 'node'));
  writeCommand(folder, 'contact', `"${process.execPath}" "${CONTACT}"`);
  writeCommand(folder, 'python3', `"${findPython() ?? '/usr/bin/python3'}"`);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const move = (text: string): string =>
    Object.entries(addresses).reduce((moved, [from, to]) => moved.replaceAll(from, to), text);
  for (const [name, text] of guide.programs) writeFileSync(join(folder, name), move(text));
  // What a step has begun in the background may say its word after the commands: the next step waits until it is told to go on.
  const blocks = guide.steps.map(({ commands }, at) => `${move(commands)}echo "== ${at}"\nread -r\n`).join('');
  const head = `set -euo pipefail\nexport PATH="$PWD/bin:$PATH"\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait || true' EXIT\n`;
  writeFileSync(join(folder, 'session.sh'), `${head}${blocks}`);
  return folder;
}

/** A command of the session; a link would not do for what looks for its own files beside its name. */
function writeCommand(folder: string, name: string, command: string): void {
  writeFileSync(join(folder, 'bin', name), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
}
