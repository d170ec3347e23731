import { isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type Scalar } from 'yaml';
import { ContactError } from '../../shared/errors.ts';
import { findNear, suggest } from '../../shared/near.ts';
import { readPlainFile } from '../../shared/plainfile.ts';
import { MAX_PROBLEMS } from './problems.ts';

/** A configuration is a page of lines; what is larger is another file, and takes its reader long. */
const MAX_FILE_BYTES = 128 << 10;
/** What is quoted of a key that no option has. */
const MAX_KEY_LENGTH = 100;

/** What one line of the file says: the texts of its value, as they were written. */
export interface Entry {
  readonly key: string;
  readonly texts: readonly string[];
  /** From 1. */
  readonly line: number;
}

export interface ReadFile {
  readonly entries: readonly Entry[];
  /** What is wrong with the file itself, each beginning with its place. */
  readonly problems: readonly string[];
}

/** Reads a file of `key: value` lines (YAML). */
export function readConfigFile(path: string, keys: ReadonlySet<string>): ReadFile {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readPlainFile(path, MAX_FILE_BYTES).bytes);
    return readConfigText(path, text, keys);
  } catch (error) {
    if (error instanceof ContactError) return refuse(error.message);
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return refuse(`${path}: is not UTF-8`);
    return refuse(`${path}: ${message.replace(/, \w+( '.*')?$/, '')}`);
  }
}

function refuse(problem: string): ReadFile {
  return { entries: [], problems: [problem] };
}

/** The entries of a text whose keys are known; everything else is a problem that names its line. */
function readConfigText(path: string, text: string, keys: ReadonlySet<string>): ReadFile {
  const lines = new LineCounter();
  const at = (offset: number): string => `${path}:${lines.linePos(offset).line}`;
  // Words stay words: what they mean is said by the option.
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    schema: 'failsafe',
    prettyErrors: false,
    uniqueKeys: false,
  });
  const [document, second] = documents;
  if (!document || 'empty' in documents) return { entries: [], problems: [] };
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    return {
      entries: [],
      problems: faults
        .slice(0, MAX_PROBLEMS + 1)
        .map(({ pos, code, message }) => `${at(pos[0])}: ${explain(code, message)}`),
    };
  }
  if (second) return refuse(`${at(second.range[0])}: Expected one document`);
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.source === '')) return { entries: [], problems: [] };
  if (!isMap(contents)) return refuse(`${at(startOf(contents))}: Expected lines of KEY: VALUE`);

  const entries: Entry[] = [];
  const problems: string[] = [];
  const lineByKey = new Map<string, number>();
  for (const { key: node, value } of contents.items) {
    if (problems.length > MAX_PROBLEMS) break;
    const place = at(startOf(node));
    if (!isScalar(node) || node.source === undefined) {
      problems.push(`${place}: Expected the name of an option`);
      continue;
    }
    const key = String(node.value);
    const shown = key.slice(0, MAX_KEY_LENGTH);
    const texts = readTexts(value);
    const { line } = lines.linePos(startOf(node));
    const earlier = lineByKey.get(key);
    lineByKey.set(key, line);
    if (earlier !== undefined) problems.push(`${place}: ${shown}: stands in line ${earlier} already`);
    else if (!keys.has(key))
      problems.push(`${place}: ${shown}: there is no such option${suggest(findNear(shown, [...keys]), [])}`);
    else if (texts === undefined) problems.push(`${place}: ${key}: Expected a value, or a list of values`);
    else entries.push({ key, texts, line });
  }
  return { entries, problems };
}

/** Undefined: it is no value and no list of them; a link to another place of the file is none either. */
function readTexts(node: unknown): readonly string[] | undefined {
  if (isScalar(node)) return isGiven(node) ? [String(node.value)] : undefined;
  if (!isSeq(node)) return undefined;
  const { items } = node;
  return items.every((one) => isScalar(one) && isGiven(one))
    ? items.map((one) => String((one as Scalar).value))
    : undefined;
}

/** `key:` with nothing behind it gives nothing; `key: ''` gives an empty text. */
function isGiven({ value, type }: Scalar): boolean {
  return typeof value === 'string' && (value !== '' || type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE');
}

function startOf(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}

/** What the reader of YAML says, in one line; and what it means where a value has a colon, as `memory:` does. */
function explain(code: string, message: string): string {
  if (code === 'BLOCK_AS_IMPLICIT_KEY')
    return 'Expected one KEY: VALUE; a value that ends in a colon is written in quotes';
  return message.split('\n', 1)[0]!;
}
