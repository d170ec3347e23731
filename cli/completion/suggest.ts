import { RootCommand } from '@bomb.sh/tab';
import type { Argument, Command, Option } from 'commander';

/** What a value names. What it is called in the usage tells it: `<queue>`, `--client <id>`. */
export type Kind = 'queue' | 'client' | 'profile' | 'file';

export interface Suggestion {
  readonly value: string;
  readonly description: string;
}

export interface Suggestions {
  readonly found: readonly Suggestion[];
  /** A file may stand there. */
  readonly isFile: boolean;
}

/** Names of that kind; [] where none can be had. */
export type LookUp = (kind: Exclude<Kind, 'file'>) => Promise<readonly string[]>;

/** Offered at most: nobody reads more, and shells become slow. */
const MAX_FOUND = 200;
/**
 * What a shell takes as it is. Names come from a server, and shells put what they are offered into the command line: one
 * with a `$(…)` in it is not offered.
 */
const PLAIN = /^[A-Za-z0-9_.][A-Za-z0-9_.:/@%+,=-]*$/;

/**
 * What the last of `words` may become, as the command line of `program` stands; names are looked up where such a name is
 * wanted.
 */
export async function suggest(words: readonly string[], program: Command, lookUp: LookUp): Promise<Suggestions> {
  // Behind it stands the command of somebody else.
  if (words.slice(0, -1).includes('--')) return { found: [], isFile: true };
  const kinds = new Set<Kind>();
  parse(words, program, (kind) => {
    kinds.add(kind);
    return [];
  });
  const names = new Map<Kind, readonly string[]>();
  for (const kind of kinds) {
    if (kind !== 'file')
      names.set(
        kind,
        (await lookUp(kind)).filter((name) => PLAIN.test(name)),
      );
  }
  const all = parse(words, program, (kind) => names.get(kind) ?? []);
  const typed = words.at(-1) ?? '';
  const begin = typed.startsWith('-') && typed.includes('=') ? typed.slice(typed.indexOf('=') + 1) : typed;
  const found = new Map<string, Suggestion>();
  for (const { value, description = '' } of all) {
    if (value.startsWith(begin) && found.size < MAX_FOUND) found.set(value, { value, description });
  }
  return { found: [...found.values()], isFile: kinds.has('file') };
}

function parse(words: readonly string[], program: Command, namesOf: (kind: Kind) => readonly string[]) {
  const root = new RootCommand();
  // It would print what it has found, all of it; what it has found is in `completions`.
  Object.defineProperty(root, 'complete', { value: () => undefined });
  describe(root, program, namesOf);
  for (const { path, command } of walk(program)) describe(root.command(path, command.description()), command, namesOf);
  root.parse(splitFlags(words));
  return root.completions;
}

function* walk(command: Command, path: readonly string[] = []): Generator<{ path: string; command: Command }> {
  for (const child of command.createHelp().visibleCommands(command)) {
    const names = [...path, child.name()];
    yield { path: names.join(' '), command: child };
    yield* walk(child, names);
  }
}

type Described = InstanceType<typeof RootCommand> | ReturnType<InstanceType<typeof RootCommand>['command']>;

function describe(described: Described, command: Command, namesOf: (kind: Kind) => readonly string[]): void {
  for (const option of command.createHelp().visibleOptions(command)) {
    const [long, short] = [option.long?.slice(2), option.short?.slice(1)];
    if (long === undefined) continue;
    if (option.isBoolean() || option.flags.split(' ').length === 1) described.option(long, option.description, short);
    else described.option(long, option.description, offer(choicesOf(option), kindOf(option.flags), namesOf), short);
  }
  for (const argument of command.registeredArguments) {
    const handler = offer(argument.argChoices ?? [], kindOfArgument(argument, command), namesOf);
    described.argument(argument.name(), handler, argument.variadic);
  }
}

function offer(choices: readonly string[], kind: Kind | undefined, namesOf: (kind: Kind) => readonly string[]) {
  return (complete: (value: string, description: string) => void): void => {
    for (const value of kind === undefined ? choices : namesOf(kind)) complete(value, '');
  };
}

/** Those of the parser, or of an option that is repeated (`collectFrom`). */
function choicesOf({ argChoices, parseArg }: Option): readonly string[] {
  return argChoices ?? (parseArg as { readonly choices?: readonly string[] } | undefined)?.choices ?? [];
}

function kindOf(flags: string): Kind | undefined {
  if (flags.includes('--profile ')) return 'profile';
  if (flags.includes('--client ')) return 'client';
  if (flags.endsWith('<queue>')) return 'queue';
  return flags.endsWith('<file>') ? 'file' : undefined;
}

function kindOfArgument(argument: Argument, command: Command): Kind | undefined {
  const [name, parent] = [argument.name(), command.parent?.name()];
  if (name === 'queue' || name === 'file' || name === 'profile') return name;
  if (name === 'name' && parent === 'config') return 'profile';
  return name === 'id' && parent === 'clients' ? 'client' : undefined;
}

/** `--flag=value` as two words, as the parser of completions takes it; the last word is what is being typed. */
function splitFlags(words: readonly string[]): string[] {
  return words.flatMap((word, at) => {
    const equals = word.indexOf('=');
    const isFlag = word.startsWith('--') && equals > 0 && at < words.length - 1;
    return isFlag ? [word.slice(0, equals), word.slice(equals + 1)] : [word];
  });
}
