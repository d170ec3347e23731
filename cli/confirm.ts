import type { CommandContext } from './context.ts';
import { CommandFailure, usageError } from './exit.ts';

/**
 * Asks on the terminal before what cannot be taken back.
 * @param isAgreed the answer was given on the command line (`--yes`)
 * @throws CommandFailure when the answer is no, or nobody can be asked
 */
export async function confirm(question: string, isAgreed: boolean, context: CommandContext): Promise<void> {
  if (isAgreed) return;
  const answer = await context.ask(`${question} [y/N]`);
  if (answer === null) throw usageError('nobody to ask without a terminal: say --yes');
  if (!/^y(?:es)?$/i.test(answer.trim())) throw new CommandFailure('nothing was done');
}
