import { type Command, Option } from 'commander';
import { createAdmin } from '../../client/admin.ts';
import { silentLogger } from '../../client/options.ts';
import { describeTrouble, isFault } from '../../client/trouble.ts';
import { someText } from '../../json/plain.ts';
import { ContactError } from '../../shared/errors.ts';
import type { CommandContext } from '../context.ts';
import { parsePositiveDuration } from '../duration.ts';
import { escapeLine } from '../escape.ts';
import { CommandFailure, EXIT } from '../exit.ts';
import { inFlags } from '../flags.ts';
import { readConnection } from '../reach.ts';
import { addTargetOptions, type TargetOptions } from '../target.ts';

interface HealthOptions extends TargetOptions {
  readonly service: string;
  /** Milliseconds. */
  readonly timeout: number;
}

export function fillHealthCommand(command: Command, context: CommandContext): void {
  command
    .option('--service <name>', 'one service, such as contact.v1.TaskService or one that clients serve', '')
    .addOption(
      new Option('--timeout <duration>', 'how long the answer may take')
        .default(5_000, '5s')
        .argParser(parsePositiveDuration),
    )
    .option('--json', 'as a JSON object')
    .action((options: HealthOptions) => runHealth(options, context))
    .addHelpText(
      'after',
      `
Prints "serving" (exit code 0) or "not serving" (1): that is a server which starts, goes, or refuses new tasks, for want
of disk say, and a service that nobody serves now. Asked once: what probes again and again needs no second try, so
--connect-timeout means nothing here. A server that gives no answer in time is 3. Needs no credential.

Example:
  contact health --timeout 2s`,
    );
  addTargetOptions(command);
}

async function runHealth(options: HealthOptions, context: CommandContext): Promise<void> {
  const { service, timeout } = options;
  const isServing = await askHealth(options, timeout);
  await (options.json
    ? context.out.writeJson({ serving: isServing, service: someText(service) })
    : context.out.write(`${service && `${escapeLine(service)} `}${isServing ? 'serving' : 'not serving'}\n`));
  if (!isServing) context.exitCode = EXIT.refused;
}

async function askHealth(options: HealthOptions, deadlineMs: number): Promise<boolean> {
  const connection = readConnection(options, () => undefined);
  const admin = createAdmin({ ...connection, logger: silentLogger });
  try {
    return await admin.checkHealth(options.service, { deadlineMs });
  } catch (error) {
    const known = ContactError.from(error);
    if (known.code !== 'UNAVAILABLE' && known.code !== 'DEADLINE_EXCEEDED') throw error;
    if (isFault(known)) throw new CommandFailure(inFlags(known.message), EXIT.unreachable);
    const trouble = inFlags(describeTrouble(known, connection.tls !== undefined));
    throw new CommandFailure(
      `could not reach ${options.server ?? 'the server'} within ${deadlineMs / 1_000} s: ${trouble}`,
      EXIT.unreachable,
    );
  } finally {
    await admin.close();
  }
}
