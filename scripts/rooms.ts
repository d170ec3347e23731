import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ALLOWED } from './layers.ts';
import { ROOT } from './tool.ts';

// Writes the table of rooms in docs/architecture.md from scripts/layers.ts. With --check nothing is written: exit code 1 if stale.

const BEGIN = '<!-- scripts/layers.ts: npm run generate -->\n';
const END = '<!-- end of the table of rooms -->\n';

/** Which room may import which, a row each. */
export function renderRooms(): string {
  const name = (room: string): string => (room === 'server' ? '`server/*.ts`' : `\`${room}/\``);
  const rows = Object.entries(ALLOWED).map(
    ([from, to]) => `| ${name(from)} | ${to.map((room) => `\`${room}\``).join(', ') || 'nothing of ours'} |\n`,
  );
  return `| room | may import |\n|---|---|\n${rows.join('')}`;
}

/** The text of a page with its table made anew. */
export function replaceRooms(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error('docs/architecture.md has no place for the table of rooms');
  return `${page.slice(0, begin + BEGIN.length)}\n${renderRooms()}\n${page.slice(end)}`;
}

if (import.meta.main) {
  const path = join(ROOT, 'docs', 'architecture.md');
  const page = readFileSync(path, 'utf8');
  const wanted = replaceRooms(page);
  if (!process.argv.includes('--check')) {
    writeFileSync(path, wanted);
  } else if (wanted !== page) {
    console.error('docs/architecture.md: its table of rooms differs from scripts/layers.ts\nrun: npm run generate');
    process.exitCode = 1;
  }
}
