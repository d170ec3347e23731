import { type Argument, type Command, InvalidArgumentError } from 'commander';
import { isName, isTaskId } from '../shared/ids.ts';
import { NAME_FORM, showMisname } from '../shared/name.ts';

// The command line refuses what can be known to be wrong without a server before it asks one.

/** The name of a queue or of a client. */
export function parseName(text: string): string {
  if (isName(text)) return text;
  throw new InvalidArgumentError(`Expected ${NAME_FORM}, got ${showMisname(text)}.`);
}

export function parseTaskId(text: string): string {
  if (isTaskId(text)) return text;
  throw new InvalidArgumentError('Expected the id of a task: a UUIDv7 in lower case.');
}

/** Checks the arguments of a command and of the commands below it, each by its name. */
export function checkArguments(command: Command): void {
  for (const argument of command.registeredArguments) {
    const parse = parserOf(argument, command);
    if (!parse) continue;
    if (argument.variadic) argument.argParser(collected(parse));
    else argument.argParser(parse);
  }
  for (const below of command.commands) checkArguments(below);
}

function parserOf(argument: Argument, command: Command): ((text: string) => string) | null {
  // The arguments of `work` hold the command that it runs too, so it checks its queues by itself.
  if (argument.name() === 'queue') return command.name() === 'work' ? null : parseName;
  if (argument.name() !== 'id') return null;
  return command.parent?.name() === 'clients' ? parseName : parseTaskId;
}

/** Parses the names of an option that may be repeated. */
export const collectNames = collected(parseName);

function collected(parse: (text: string) => string) {
  return (text: string, earlier: readonly string[] | undefined): string[] => [...(earlier ?? []), parse(text)];
}
