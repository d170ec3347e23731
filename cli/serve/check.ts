import { type Configuration, flagOf, renderConfiguration } from '../../server/config/index.ts';
import type { CommandContext } from '../context.ts';
import { EXIT } from '../exit.ts';
import { pickServerOptions } from './run.ts';

/** Prints what a server would be run with, and on stderr what would keep it from starting. */
export async function checkConfiguration(configuration: Configuration, context: CommandContext): Promise<void> {
  const { checkOptions } = await import('../../server/index.ts');
  const { settings, values, warnings } = configuration;
  await context.out.write(renderConfiguration(configuration));
  for (const warning of warnings) context.say(`contact: ${warning}`);
  for (const { option, problem, isWarning } of await checkOptions(pickServerOptions(values))) {
    const origin = settings.find(({ name }) => name === option)?.origin;
    const place = option === undefined ? '' : `${origin === 'default' ? flagOf(option) : origin}: `;
    context.say(`contact: ${place}${isWarning ? 'warning: ' : ''}${problem}`);
    if (isWarning) continue;
    context.exitCode = EXIT.usage;
  }
}
