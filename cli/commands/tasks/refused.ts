import type { Admin } from '../../../client/index.ts';
import { ContactError } from '../../../shared/errors.ts';
import type { CommandContext } from '../../context.ts';
import { EXIT } from '../../exit.ts';
import { stateName } from '../../task.ts';

/** Says for each id why nothing was done; the exit code is 1 then. */
export async function sayRefused(ids: readonly string[], admin: Admin, context: CommandContext): Promise<void> {
  for (const id of ids) {
    context.exitCode = EXIT.refused;
    context.say(`${id}: ${await explain(id, admin)}`);
  }
}

async function explain(id: string, admin: Admin): Promise<string> {
  try {
    const { state } = await admin.describeTask(id);
    return `it is ${stateName(state)}`;
  } catch (error) {
    if (error instanceof ContactError && error.code === 'NOT_FOUND') return 'there is no such task';
    throw error;
  }
}
