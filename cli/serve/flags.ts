import { type Command, InvalidArgumentError, Option } from 'commander';
import { type AnyRow, flagOf, GROUPS, Misread, showDefault } from '../../server/config/index.ts';
import { collect } from '../option.ts';

/** Adds a flag for each option of the server's table, under the headings of that table. */
export function addConfigurationFlags(command: Command): void {
  for (const [title, rows] of GROUPS) {
    for (const [name, row] of Object.entries(rows)) command.addOption(createFlag(name, row).helpGroup(`${title}:`));
  }
}

/** The texts of the flags that were given, by the names of their options. */
export function readFlags(command: Command): ReadonlyMap<string, readonly string[]> {
  const given = command.opts<Record<string, string | true | readonly string[]>>();
  const names = GROUPS.flatMap(([, rows]) => Object.keys(rows));
  return new Map(
    names.flatMap((name) => {
      const value = given[attributeOf(name)];
      if (value === undefined) return [];
      // A switch that stands alone means yes.
      return [[name, value === true ? ['true'] : [value].flat()] as const];
    }),
  );
}

function createFlag(name: string, { kind, ...row }: AnyRow): Option {
  const value = kind.isSwitch ? `[${kind.placeholder}]` : `<${kind.placeholder}>`;
  const shown = showDefault({ kind, ...row });
  const repeated = kind.isList ? '; may be repeated' : '';
  const description = `${row.description}${repeated}${shown === '' ? '' : ` (default: ${shown})`}`;
  const check = (text: string): string => {
    try {
      kind.read([text]);
    } catch (error) {
      if (error instanceof Misread) throw new InvalidArgumentError(`${error.message}.`);
      throw error;
    }
    return text;
  };
  // The text is kept: the configuration reads what flags, environment and file say in one way.
  const option = new Option(`${flagOf(name)} ${value}`, description);
  if (!kind.isList) return kind.isFree ? option : option.argParser(check);
  return option.argParser((text: string, before: readonly string[] | undefined) => collect(check(text), before));
}

function attributeOf(name: string): string {
  return new Option(flagOf(name)).attributeName();
}
