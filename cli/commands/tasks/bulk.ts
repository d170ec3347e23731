import type { Command } from 'commander';
import type { Admin, TaskCounts, TaskQuery } from '../../../client/index.ts';
import { ContactError } from '../../../shared/errors.ts';
import { confirm } from '../../confirm.ts';
import type { CommandContext } from '../../context.ts';
import { CommandFailure } from '../../exit.ts';
import { describeConditions } from '../../selection.ts';
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

/** While an act goes on for longer, it is told how far it has got. */
const TOLD_EVERY_MS = 2_000;

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

/**
 * Does it, and tells people how far it has got if that takes long: by the tasks of those states that the act takes them
 * out of, since of others nobody sees whether they have had it.
 */
export async function withProgress<T>(
  act: Promise<T>,
  { counts = {} }: Agreed,
  states: readonly State[],
  countLeft: () => Promise<number>,
  context: CommandContext,
  everyMs = TOLD_EVERY_MS,
): Promise<T> {
  const total = sumOf(counts, states);
  if (total === 0) return act;
  const startedAt = performance.now();
  const over = new AbortController();
  const done = act.finally(() => over.abort());
  done.catch(() => undefined);
  let pauseMs = everyMs;
  while (!over.signal.aborted) {
    const timer = Promise.withResolvers<void>();
    const timeout = setTimeout(timer.resolve, pauseMs);
    over.signal.addEventListener('abort', () => timer.resolve());
    await timer.promise;
    clearTimeout(timeout);
    if (over.signal.aborted) break;
    const askedAt = performance.now();
    const left = await countLeft().catch(() => null);
    // A server that counts for long is asked the less often.
    pauseMs = Math.max(everyMs, 4 * (performance.now() - askedAt));
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    if (left !== null && !over.signal.aborted)
      context.say(`${Math.max(0, total - left).toLocaleString('en')} of ${countTasks(total)} after ${seconds} s`);
  }
  return done;
}

/** How many tasks of these states a filter still finds. */
export async function countLeft(admin: Admin, filter: TaskQuery, states: readonly State[]): Promise<number> {
  const wanted = states.filter((one) => filter.states?.includes(one) ?? true);
  // No state at all would be all of them.
  return wanted.length === 0 ? 0 : sumOf(await admin.countTasks({ ...filter, states: wanted }), wanted);
}

function sumOf(counts: Partial<Record<State, number>>, states: readonly State[]): number {
  return states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
}
