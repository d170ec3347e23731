import { type Command, Option } from 'commander';
import type { TaskQuery, TaskSelection } from '../client/index.ts';
import { parsePast } from './duration.ts';
import { usageError } from './exit.ts';
import { collectNames, parseTaskId } from './names.ts';
import { collectFrom } from './option.ts';
import type { STATES } from './task.ts';

/** Which tasks, by what is true of them. */
export interface ConditionOptions {
  readonly queue?: readonly string[];
  readonly state?: readonly (typeof STATES)[number][];
  readonly after?: Date;
  readonly before?: Date;
  readonly parent?: string;
}

/** How many ids one request of the contract may have. */
const MAX_IDS = 1_000;

export function addConditionOptions(command: Command, states: readonly string[]): Command {
  const options = [
    new Option('--queue <queue>', 'only of this queue; may be repeated').argParser(collectNames),
    new Option('--state <state>', `only in this state (${states.join(', ')}); may be repeated`).argParser(
      collectFrom(states),
    ),
    new Option('--after <time>', 'only created after this RFC 3339 time, or within this duration').argParser(parsePast),
    new Option('--before <time>', 'only created before this time, or longer ago').argParser(parsePast),
    new Option('--parent <id>', 'only children of this broadcast').argParser(parseTaskId),
  ];
  for (const option of options) command.addOption(option);
  return command;
}

export function readConditions({ queue, state, after, before, parent }: ConditionOptions): TaskQuery {
  return {
    ...(queue && { queues: queue }),
    ...(state && { states: state }),
    ...(after && { createdAfter: after }),
    ...(before && { createdBefore: before }),
    ...(parent && { parentId: parent }),
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
export function describeConditions({ queues, states, createdAfter, createdBefore, parentId }: TaskQuery): string {
  return [
    parentId ? `all children of ${parentId}` : 'all tasks',
    queues && `of queue ${queues.join(' or ')}`,
    states && `that are ${states.join(' or ')}`,
    createdAfter && `created after ${createdAfter.toISOString()}`,
    createdBefore && `created before ${createdBefore.toISOString()}`,
  ]
    .filter(Boolean)
    .join(' ');
}
