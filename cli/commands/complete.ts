import type { Command } from 'commander';
import { createLookUp } from '../completion/known.ts';
import { suggest } from '../completion/suggest.ts';
import type { CommandContext } from '../context.ts';
import { escapeLine } from '../escape.ts';

/** As the scripts of @bomb.sh/tab read it, after all values: whether the shell may offer files in their place. */
const DIRECTIVES = { file: ':0', none: ':4' } as const;

/** The program with one command filled in. */
type CreateProgram = (context: CommandContext, isWanted: (name: string) => boolean) => Promise<Command>;

/** What the scripts of `contact completion` call: a line for each value, with a tab before its description. */
export function createFillCompleteCommand(
  createProgram: CreateProgram,
): (command: Command, context: CommandContext) => void {
  return (command, context) => {
    command.action(async () => {
      const words = context.rest ?? [];
      const name = words.slice(0, -1).find((word) => !word.startsWith('-'));
      const program = await createProgram(context, (one) => one === name);
      const { found, isFile } = await suggest(words, program, createLookUp(words, context));
      const lines = found.map(({ value, description }) => `${value}\t${escapeLine(description)}\n`);
      await context.out.write(`${lines.join('')}${isFile && found.length === 0 ? DIRECTIVES.file : DIRECTIVES.none}\n`);
    });
  };
}
