import type { Command } from 'commander';
import type { Admin, FoundTasks, TaskCounts, TaskQuery } from '../../../client/index.ts';
import { ContactError } from '../../../shared/errors.ts';
import { confirm } from '../../confirm.ts';
import type { CommandContext } from '../../context.ts';
import { CommandFailure } from '../../exit.ts';
import { describeConditions } from '../../selection.ts';
import { exitCodeOfSignal } from '../../signals.ts';
import { runSteps } from '../../steps.ts';
import { countTasks, describeCounts } from '../../task.ts';

/** How an act on all tasks that meet conditions is agreed to. */
export interface BulkOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

type State = keyof TaskCounts;

/** What was agreed to: how many tasks in each state; undefined: the server does not count them. */
export interface Agreed {
  readonly counts: Partial<Record<State, number>> | undefined;
}

/** An act on many tasks: what it is called, and the states of those that it can be done to. */
export interface BulkAct {
  readonly verb: string;
  readonly states: readonly State[];
}

/** Tasks of one step: a moment of the server's time, and as many as an answer names. */
const STEP = 1_000;

export function addBulkOptions(command: Command, verb: string): Command {
  return command
    .option('--dry-run', 'tell how many tasks the conditions find, and do nothing')
    .option('--yes', `do not ask before ${verb} by conditions`);
}

/**
 * Says what would be done, by the server's own count, and asks. Its answer is null where it is not to be done.
 * @throws CommandFailure when the answer is no, or nobody can be asked
 */
export async function agree(
  { verb, states }: BulkAct,
  filter: TaskQuery,
  admin: Admin,
  options: BulkOptions,
  context: CommandContext,
): Promise<Agreed | null> {
  const wanted = states.filter((state) => filter.states?.includes(state) ?? true);
  const found = await countOn(admin, { ...filter, states: wanted });
  if (!found && options.dryRun) throw new CommandFailure('the server is too old to count tasks');
  if (!found) {
    await confirm(`${verb} ${describeConditions(filter)}?`, options.yes === true, context);
    return { counts: undefined };
  }
  const counts: Partial<Record<State, number>> = Object.fromEntries(wanted.map((state) => [state, found[state]]));
  const total = sumOf(counts, wanted);
  const parts = total > 0 ? `: ${describeCounts(counts)}` : '';
  if (options.dryRun) {
    if (options.json) await context.out.writeJson({ dryRun: true, total, ...counts });
    else await context.out.write(`would ${verb.toLowerCase()} ${countTasks(total)}${parts}\n`);
    return null;
  }
  const question = `${verb} ${describeConditions(filter)}? ${countTasks(total)}${parts}.`;
  await confirm(question, options.yes === true, context);
  return { counts };
}

/** Undefined: the server is of before, and does not count. */
async function countOn(admin: Admin, filter: TaskQuery): Promise<TaskCounts | undefined> {
  try {
    return await admin.countTasks(filter);
  } catch (error) {
    if (error instanceof ContactError && error.code === 'UNIMPLEMENTED') return undefined;
    throw error;
  }
}

/** What came of one step, or of several. */
export interface Outcome {
  /** Tasks that it was done to. */
  readonly total: number;
  /** Tasks that were found: some of them may not be as they were counted any more. */
  readonly found: number;
}

/** Which part of the tasks a step is about. */
export type Part = Pick<FoundTasks, 'max' | 'pageToken'>;

/**
 * Does it to all tasks that were agreed on, a thousand at a time, so that it is seen how far it has got, and Ctrl-C ends it after
 * the step that is under way. A server of before does it in one step. Answers to how many tasks it was done.
 * @param past what was done to them: `deleted`
 */
export async function actInSteps(
  step: (part: Part) => Promise<Outcome & { readonly nextPageToken: string }>,
  { counts }: Agreed,
  past: string,
  context: CommandContext,
): Promise<number> {
  let pageToken = '';
  let total = 0;
  const { signal } = await runSteps(
    async () => {
      const { nextPageToken, ...outcome } = await step({ max: STEP, ...(pageToken && { pageToken }) });
      pageToken = nextPageToken;
      total += outcome.total;
      return { count: outcome.found, isLast: pageToken === '' };
    },
    context,
    { total: counts && sumOf(counts, Object.keys(counts) as State[]) },
  );
  if (signal) {
    context.exitCode = exitCodeOfSignal(signal);
    context.say(`contact: stopped before its end: ${countTasks(total)} ${past} until then`);
  }
  return total;
}

function sumOf(counts: Partial<Record<State, number>>, states: readonly State[]): number {
  return states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
}
