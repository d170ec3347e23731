import { type Configuration, flagOf, renderConfiguration, type ServeOptions } from '../../server/config/index.ts';
import type { CommandContext } from '../context.ts';
import { EXIT } from '../exit.ts';
import { pickServerOptions } from './run.ts';

/** Prints what a server would be run with, and on stderr what would keep it from starting. */
export async function checkConfiguration(configuration: Configuration, context: CommandContext): Promise<void> {
  const { checkOptions } = await import('../../server/index.ts');
  const { settings, values, warnings } = configuration;
  await context.out.write(renderConfiguration(configuration));
  for (const warning of warnings) context.say(`contact: ${warning}`);
  const { checkFileSink } = await import('./sink.ts');
  const findings: readonly CheckFinding[] = [
    ...(await checkOptions(pickServerOptions(values))),
    ...checkAuditLog(values.auditLog, checkFileSink),
  ];
  for (const { option, problem, isWarning } of findings) {
    const origin = settings.find(({ name }) => name === option)?.origin;
    const place = option === undefined ? '' : `${origin === 'default' ? flagOf(option) : origin}: `;
    context.say(`contact: ${place}${isWarning ? 'warning: ' : ''}${problem}`);
    if (isWarning) continue;
    context.exitCode = EXIT.usage;
  }
}

interface CheckFinding {
  readonly option: keyof ServeOptions | undefined;
  readonly problem: string;
  readonly isWarning?: true;
}

function checkAuditLog(path: string | undefined, check: (path: string) => void): CheckFinding[] {
  try {
    if (path !== undefined) check(path);
    return [];
  } catch (error) {
    return [{ option: 'auditLog', problem: `${path} cannot be opened: ${(error as Error).message}` }];
  }
}
