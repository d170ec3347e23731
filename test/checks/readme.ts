import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';

export interface Block {
  /** The word after the fence: ts, sh, python. */
  readonly language: string;
  readonly text: string;
  /** Without blank ones. */
  readonly lineCount: number;
}

const FENCE = /^```(\w+)\n([\s\S]*?)^```$/gm;

/** The fenced blocks of README.md, in order. */
export function readBlocks(): readonly Block[] {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  return [...readme.matchAll(FENCE)].map(([, language = '', text = '']) => ({
    language,
    text,
    lineCount: text.split('\n').filter((line) => line.trim() !== '').length,
  }));
}

/** The one block of a language that contains `part`. */
export function findBlock(language: string, part: string): Block {
  const found = readBlocks().filter((block) => block.language === language && block.text.includes(part));
  if (found.length !== 1) throw new Error(`${found.length} ${language} blocks with ${part} in README.md, not one`);
  return found[0] as Block;
}
