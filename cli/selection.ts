import { type Command, Option } from 'commander';
import type { TaskQuery, TaskSelection } from '../client/index.ts';
import { parsePast, parsePositiveDuration } from './duration.ts';
import { usageError } from './exit.ts';
import { collectNames, parseTaskId } from './names.ts';
import { collect, collectFrom, collectPairs } from './option.ts';
import type { STATES } from './task.ts';

/** Which tasks, by what is true of them. */
export interface ConditionOptions {
  readonly queue?: readonly string[];
  readonly state?: readonly (typeof STATES)[number][];
  readonly after?: Date;
  readonly before?: Date;
  readonly parent?: string;
  readonly settledAfter?: Date;
  readonly settledBefore?: Date;
  readonly error?: readonly string[];
  readonly client?: readonly string[];
  readonly meta?: Readonly<Record<string, string>>;
  readonly runningFor?: number;
}

const SETTLED: readonly string[] = ['succeeded', 'failed', 'cancelled', 'expired'];

/** How many ids one request of the contract may have. */
const MAX_IDS = 1_000;

export function addConditionOptions(command: Command, states: readonly string[]): Command {
  const options = [
    new Option('--queue <queue>', 'only of this queue; may be repeated').argParser(collectNames),
    new Option('--state <state>', `only in this state (${states.join(', ')}); may be repeated`).argParser(
      collectFrom(states),
    ),
    ...createTimeOptions('after', 'before', 'created'),
    new Option('--parent <id>', 'only children of this broadcast').argParser(parseTaskId),
  ];
  for (const option of options) command.addOption(option);
  if (states.some((state) => SETTLED.includes(state))) addSettledOptions(command);
  addHolderOptions(command);
  if (states.includes('running'))
    command.option('--running-for <duration>', 'only running, for at least so long', parsePositiveDuration);
  return command;
}

/** Conditions that only settled tasks meet. */
export function addSettledOptions(command: Command): Command {
  for (const option of createTimeOptions('settled-after', 'settled-before', 'settled')) command.addOption(option);
  return command.option('--error <code>', 'only settled with an error of this code; may be repeated', collect);
}

/** Conditions of who has or had a task, and what its producer said of it. */
export function addHolderOptions(command: Command): Command {
  return command
    .option('--client <id>', 'only with this client, or settled by it; may be repeated', collectNames)
    .option('--meta <key=value>', "only with this pair among the task's metadata; may be repeated", collectPairs);
}

function createTimeOptions(after: string, before: string, what: string): Option[] {
  return [
    new Option(`--${after} <time>`, `only ${what} after this RFC 3339 time, or within this duration`),
    new Option(`--${before} <time>`, `only ${what} before this time, or longer ago`),
  ].map((option) => option.argParser(parsePast));
}

export function readConditions(options: ConditionOptions): TaskQuery {
  const { queue, state, after, before, parent, settledAfter, settledBefore, error, client, meta, runningFor } = options;
  return {
    ...(queue && { queues: queue }),
    ...(state && { states: state }),
    ...(after && { createdAfter: after }),
    ...(before && { createdBefore: before }),
    ...(parent && { parentId: parent }),
    ...(settledAfter && { settledAfter }),
    ...(settledBefore && { settledBefore }),
    ...(error && { errorCodes: error }),
    ...(client && { clientIds: client }),
    ...(meta && { metadata: meta }),
    ...(runningFor && { runningForMs: runningFor }),
  };
}

/** Tasks that were named, or conditions for them; one of both has to be there. */
export function readSelection(ids: readonly string[], options: ConditionOptions): TaskSelection {
  const filter = readConditions(options);
  const hasConditions = Object.keys(filter).length > 0;
  if (ids.length > 0 && hasConditions) throw usageError('name tasks by their ids or give conditions, not both');
  if (ids.length > 0) return { ids };
  if (!hasConditions) throw usageError('missing ID, or a condition such as --queue');
  return { filter };
}

/** The ids in pieces that fit into one request each. */
export function* splitIds(ids: readonly string[]): Generator<readonly string[]> {
  for (let start = 0; start < ids.length; start += MAX_IDS) yield ids.slice(start, start + MAX_IDS);
}

/** Conditions as a question to a person names them. */
export function describeConditions(query: TaskQuery): string {
  const { queues, states, createdAfter, createdBefore, parentId, settledAfter, settledBefore } = query;
  const { errorCodes, clientIds, metadata = {}, runningForMs } = query;
  return [
    parentId ? `all children of ${parentId}` : 'all tasks',
    queues && `of queue ${queues.join(' or ')}`,
    states && `that are ${states.join(' or ')}`,
    createdAfter && `created after ${createdAfter.toISOString()}`,
    createdBefore && `created before ${createdBefore.toISOString()}`,
    settledAfter && `settled after ${settledAfter.toISOString()}`,
    settledBefore && `settled before ${settledBefore.toISOString()}`,
    errorCodes && `with error ${errorCodes.join(' or ')}`,
    clientIds && `of client ${clientIds.join(' or ')}`,
    ...Object.entries(metadata).map(([name, value]) => `with ${name}=${value}`),
    runningForMs && `that run for ${runningForMs / 1_000} s`,
  ]
    .filter(Boolean)
    .join(' ');
}
