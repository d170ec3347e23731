import type { Admin } from '../../../client/index.ts';
import { ContactError } from '../../../shared/errors.ts';
import type { CommandContext } from '../../context.ts';
import { CommandFailure, EXIT } from '../../exit.ts';
import { stateName } from '../../task.ts';

/** Says for each id why nothing was done; the exit code is 1 then. */
export async function sayRefused(ids: readonly string[], admin: Admin, context: CommandContext): Promise<void> {
  for (const id of ids) sayOneRefused(id, await explain(id, admin), context);
}

/** The same of one. */
export function sayOneRefused(id: string, { code, problem }: Refusal, context: CommandContext): void {
  context.exitCode = EXIT.refused;
  context.sayError(new CommandFailure(problem, EXIT.refused, { code }), `${id}: ${problem}`, { id });
}

/** Why nothing was done to a task. */
export interface Refusal {
  readonly code: string;
  readonly problem: string;
}

export const NO_TASK: Refusal = { code: 'NOT_FOUND', problem: 'there is no such task' };

async function explain(id: string, admin: Admin): Promise<Refusal> {
  try {
    const { state } = await admin.describeTask(id);
    return { code: 'FAILED_PRECONDITION', problem: `it is ${stateName(state)}` };
  } catch (error) {
    if (error instanceof ContactError && error.code === 'NOT_FOUND') return NO_TASK;
    throw error;
  }
}
