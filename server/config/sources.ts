import { findNear } from '../../shared/near.ts';
import { hideSecrets } from '../../shared/redact.ts';
import type { Entry, readConfigFile } from './file.ts';
import { Misread } from './kinds.ts';
import { ConfigurationError } from './problems.ts';
import { type AnyRow, flagOf, keyOf, showValue, variableOf } from './row.ts';
import { type OptionName, ROWS, type ServeOptions } from './table.ts';

/** The variable that names the file, where no flag does. */
export const FILE_VARIABLE = 'CONTACT_CONFIG';
/** Variables of the other commands. */
const FOREIGN_VARIABLES: ReadonlySet<string> = new Set([
  'CONTACT_SERVER',
  'CONTACT_TOKEN',
  'CONTACT_TOKEN_FILE',
  'CONTACT_PROFILE',
]);

/** Where `contact serve` is told what to do. What comes later here weighs more. */
export interface Sources {
  /** A YAML file. */
  readonly file?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The texts of each flag that was given, by the name of its option. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
}

/** One option and where its value came from. */
export interface Setting {
  readonly name: OptionName;
  readonly value: unknown;
  /** `default`, `contact.yaml:3`, `CONTACT_STORE` or `--store`. */
  readonly origin: string;
}

export interface Configuration {
  readonly settings: readonly Setting[];
  readonly values: ServeOptions;
  /** What is no mistake for certain: a variable whose name is nearly that of an option. */
  readonly warnings: readonly string[];
}

/** Of the texts of one option that is wrong. */
const MAX_QUOTED = 8;

const NAMES = Object.keys(ROWS) as OptionName[];
const NAME_BY_KEY: ReadonlyMap<string, OptionName> = new Map(NAMES.map((name) => [keyOf(name), name]));
const VARIABLES: readonly string[] = NAMES.map(variableOf);

/**
 * Answers what reads the value of every option: from a flag, else from the environment, else from the file, else its default.
 * It may be called again whenever the file may have changed; it throws a ConfigurationError with everything that is wrong,
 * 20 things at most, also where something else outweighs it.
 */
export async function openConfiguration(sources: Sources): Promise<() => Configuration> {
  const path = sources.file ?? (sources.environment[FILE_VARIABLE] || undefined);
  // The reader of YAML is loaded where there is something for it to read.
  const file = path === undefined ? undefined : { path, read: (await import('./file.ts')).readConfigFile };
  return () => readConfiguration(sources, file);
}

/** The file that is read, and what reads it. */
interface NamedFile {
  readonly path: string;
  readonly read: typeof readConfigFile;
}

function readConfiguration({ environment, flags }: Sources, file: NamedFile | undefined): Configuration {
  const problems: string[] = [];
  const settings = new Map<OptionName, Setting>(
    NAMES.map((name) => [name, { name, value: (ROWS[name] as AnyRow).default, origin: 'default' }]),
  );
  const take = (name: OptionName, texts: readonly string[], origin: string, label: string): void => {
    const row: AnyRow = ROWS[name];
    try {
      settings.set(name, { name, value: readValue(row, texts), origin });
    } catch (error) {
      if (!(error instanceof Misread)) throw error;
      problems.push(`${label}: ${error.message}${row.isSecret ? '' : `, got ${quote(texts)}`}`);
    }
  };

  for (const { key, texts, line } of file ? readFile(file, problems) : []) {
    const place = `${file!.path}:${line}`;
    take(NAME_BY_KEY.get(key)!, texts, place, `${place}: ${key}`);
  }
  for (const name of NAMES) {
    const variable = variableOf(name);
    const given = environment[variable];
    // As with most programs, a variable that is set to nothing is not set.
    if (given) take(name, (ROWS[name] as AnyRow).kind.isList ? given.split(',') : [given], variable, variable);
  }
  for (const [name, texts] of flags) take(name as OptionName, texts, flagOf(name), flagOf(name));

  if (problems.length > 0) throw new ConfigurationError(problems);
  const values = Object.fromEntries([...settings.values()].map(({ name, value }) => [name, value]));
  return {
    settings: [...settings.values()],
    values: Object.freeze(values) as ServeOptions,
    warnings: findMisspelt(environment),
  };
}

function readFile({ path, read }: NamedFile, problems: string[]): readonly Entry[] {
  const found = read(path, new Set(NAME_BY_KEY.keys()));
  problems.push(...found.problems);
  return found.entries;
}

/** The value of what was written; throws Misread. */
function readValue({ kind }: AnyRow, texts: readonly string[]): unknown {
  if (!kind.isList && texts.length !== 1) throw new Misread(`Expected ${kind.form}`);
  return kind.read(texts);
}

function quote(texts: readonly string[]): string {
  const shown = texts.slice(0, MAX_QUOTED).map((text) => JSON.stringify(text.slice(0, 200)));
  return [...shown, ...(texts.length > MAX_QUOTED ? ['…'] : [])].join(', ') || 'nothing';
}

/**
 * Variables that are nearly an option's. Others that begin with CONTACT_ are none of ours: Kubernetes makes some of the name of
 * a service that is called contact.
 */
function findMisspelt(environment: Sources['environment']): string[] {
  const known = new Set([...VARIABLES, FILE_VARIABLE, ...FOREIGN_VARIABLES]);
  return Object.keys(environment)
    .filter((variable) => variable.startsWith('CONTACT_') && !known.has(variable))
    .flatMap((variable) => {
      const [near] = findNear(
        variable.slice('CONTACT_'.length),
        [...VARIABLES].map((one) => one.slice('CONTACT_'.length)),
      );
      return near === undefined ? [] : [`${variable} is no option, and is not read; CONTACT_${near} is one`];
    });
}

/** A configuration as a file has it, each line with where its value came from; secrets are not in it. */
export function renderConfiguration({ settings }: Configuration): string {
  const lines = settings.map(({ name, value, origin }) => {
    const row: AnyRow = ROWS[name];
    const isGiven = row.kind.write(value).length > 0 && !row.isSecret;
    return { text: `${keyOf(name)}: ${renderYaml(row, value)}`, origin, isGiven };
  });
  const width = Math.min(60, Math.max(...lines.map(({ text }) => text.length)));
  return lines
    .map(
      ({ text, origin, isGiven }) => `${isGiven ? '' : '# '}${text.padEnd(isGiven ? width : width - 2)}  # ${origin}\n`,
    )
    .join('');
}

function renderYaml(row: AnyRow, value: unknown): string {
  if (row.isSecret) return showValue(row, value);
  const texts = row.kind.write(value).map(hideSecrets).map(renderScalar);
  if (row.kind.isList) return `[${texts.join(', ')}]`;
  return texts[0] ?? '';
}

/** What YAML could take for anything but this text is quoted. */
function renderScalar(text: string): string {
  return /^[A-Za-z0-9/._][A-Za-z0-9/._:@+-]*$/.test(text) && !text.endsWith(':') ? text : JSON.stringify(text);
}
