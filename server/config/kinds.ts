import { isSocketAddress, readAddress } from '../../shared/address.ts';
import { isName } from '../../shared/ids.ts';
import { NAME_FORM } from '../../shared/name.ts';
import { DURATION_FORM, readDuration, readSize, SIZE_FORM, writeDuration, writeSize } from '../../shared/quantity.ts';
import { booleans, either, listOf, numbers, orNothing, textsOf, type Values, wordsOf } from './values.ts';

// What kinds of options there are: how each is written by people, and what a program may give.

/** A kind of value, as people write it and as programs have it. */
export interface Kind<T> {
  /** What a program may give to `createServer()`. */
  readonly values: Values<T>;
  /** What the value is, in the words of the reference: `a duration from 1ms to 24d`. */
  readonly form: string;
  /** What stands for it in `--flag <placeholder>`. */
  readonly placeholder: string;
  /**
   * The value of the texts that somebody wrote: one, or any number for a kind that `isList`.
   * @throws Misread with what was expected
   */
  read(texts: readonly string[]): T;
  /** The texts that `read` makes this value of; a value that is not there has none. */
  write(value: T): readonly string[];
  readonly isList: boolean;
  /** A flag that may stand without a value. */
  readonly isSwitch: boolean;
  /** Every text but an empty one is taken. */
  readonly isFree: boolean;
  /** The value names a file that must be there and be read. */
  readonly isFile: boolean;
}

/** What somebody wrote cannot be read; the message says what was expected. */
export class Misread extends Error {}

interface Range {
  readonly min?: number;
  readonly max?: number;
}

interface Word<T> {
  readonly values: Values<T>;
  readonly form: string;
  readonly placeholder: string;
  /** Undefined: it is no such word. */
  readonly read: (text: string) => T | undefined;
  readonly write: (value: T) => string;
  readonly isSwitch?: boolean;
  readonly isFree?: boolean;
}

function word<T>({ read, write, isSwitch = false, isFree = false, ...rest }: Word<T>): Kind<T> {
  return {
    ...rest,
    isList: false,
    isSwitch,
    isFree,
    isFile: false,
    read([text = '']) {
      const value = read(text);
      if (value === undefined) throw new Misread(`Expected ${rest.form}`);
      return value;
    },
    write: (value) => [write(value)],
  };
}

interface Quantity extends Range {
  readonly name: string;
  readonly placeholder: string;
  readonly parse: (text: string) => number | undefined;
  readonly print: (value: number) => string;
  /** Programs may give a fraction. */
  readonly isFractional?: boolean;
}

function quantity({ name, placeholder, parse, print, min = 0, max, isFractional = false }: Quantity): Kind<number> {
  const bounds = max === undefined ? `, at least ${print(min)}` : `, from ${print(min)} to ${print(max)}`;
  const top = max ?? Number.MAX_SAFE_INTEGER;
  return word({
    values: numbers({ min, max: top, isFractional }),
    form: `${name}${bounds}`,
    placeholder,
    read: (text) => {
      const value = parse(text);
      return value === undefined || value < min || value > top ? undefined : value;
    },
    write: print,
  });
}

/** The longest time that a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Milliseconds; written `15s`. */
export function duration({ min = 1, max = MAX_TIMER_MS }: Range = {}): Kind<number> {
  // The longest is told in days: nobody means its milliseconds.
  const print = (ms: number): string => (ms === MAX_TIMER_MS ? '24d' : writeDuration(ms));
  return quantity({ name: DURATION_FORM, placeholder: 'duration', parse: readDuration, print, min, max });
}

/** Bytes; written `64KiB`, or as a number of bytes. */
export function size({ min = 1, max }: Range = {}): Kind<number> {
  const bounds = max === undefined ? { min } : { min, max };
  return quantity({ name: SIZE_FORM, placeholder: 'size', parse: readSize, print: writeSize, ...bounds });
}

/** A number of things. */
export function count(range: Range & { readonly isFractional?: boolean } = {}): Kind<number> {
  const parse = (text: string): number | undefined => (/^\d{1,16}$/.test(text) ? Number(text) : undefined);
  return quantity({ name: 'a whole number', placeholder: 'n', parse, print: String, ...range });
}

/** True or false; the flag alone means true. */
export function toggle(): Kind<boolean> {
  return word({
    values: booleans(),
    form: 'true or false',
    placeholder: 'true|false',
    read: (text) =>
      new Map([
        ['true', true],
        ['false', false],
      ] as const).get(text as 'true'),
    write: String,
    isSwitch: true,
  });
}

/** One of some words. */
export function choice<const W extends string>(...words: readonly W[]): Kind<W> {
  const values = wordsOf(words);
  return word({
    values,
    form: values.form,
    placeholder: words.join('|'),
    read: (text) => words.find((one) => one === text),
    write: (value) => value,
  });
}

/** Any text with something in it. */
export function text(placeholder: string, form: string): Kind<string> {
  return word({
    values: textsOf(form, (given) => given !== ''),
    form,
    placeholder,
    isFree: true,
    read: (given) => (given === '' ? undefined : given),
    write: (value) => value,
  });
}

/** `NAME role=R queue=Q …`: what a name of others stands for; whether its patterns are any is said by who reads them. */
export function grant(): Kind<string> {
  const form = 'NAME role=R queue=Q client=C call=M serve=M, each but NAME any number of times';
  const isGrant = (given: string): boolean => /^\S+( +(role|queue|client|call|serve)=\S+)+$/.test(given);
  return word({
    values: textsOf(form, isGrant),
    form,
    placeholder: 'grant',
    read: (given) => (isGrant(given) ? given : undefined),
    write: (value) => value,
  });
}

/** The name of a node, a queue or a client. */
export function name(): Kind<string> {
  return word({
    values: textsOf(NAME_FORM, isName),
    form: NAME_FORM,
    placeholder: 'name',
    read: (given) => (isName(given) ? given : undefined),
    write: (value) => value,
  });
}

/** The name of a host as a request says it, or `*`. */
export function hostName(): Kind<string> {
  return matching(
    'host',
    'the name of a host in lower case and without a port, or *',
    /^(?:\*|[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)$/,
  );
}

/** The origin of a page, or `*`. */
export function origin(): Kind<string> {
  return matching(
    'origin',
    'the origin of a page, such as https://example.org, or *',
    /^(?:\*|https?:\/\/[^\s/?#@]+)$/,
  );
}

function matching(placeholder: string, form: string, pattern: RegExp): Kind<string> {
  return word({
    values: textsOf(form, (given) => pattern.test(given)),
    form,
    placeholder,
    read: (given) => (pattern.test(given) ? given : undefined),
    write: (value) => value,
  });
}

/** The path of a file: one that must be there and be read, unless it is said that the server makes it. */
export function path({ isMade = false }: { readonly isMade?: boolean } = {}): Kind<string> {
  return { ...text('file', 'the path of a file'), isFile: !isMade };
}

const HOST_AND_PORT = /^(\[[^\]]+\]|[^:[\]\s]+):\d{1,5}$/;

/** HOST:PORT or unix:PATH. */
export function address(): Kind<string> {
  return word({
    // Which texts are addresses is said by who reads them, in more words.
    values: textsOf('HOST:PORT or unix:PATH', () => true),
    form: 'HOST:PORT, such as 127.0.0.1:50051, or unix:PATH, PATH of at most 107 bytes',
    placeholder: 'address',
    read: (given) => ((HOST_AND_PORT.test(given) || isSocketAddress(given)) && readAddress(given) ? given : undefined),
    write: (value) => value,
  });
}

/** Several of a kind, or none: the flag is repeated, the file has a list, the environment has commas. */
export function list(kind: Kind<string>): Kind<readonly string[]> {
  return {
    ...kind,
    values: listOf(kind.values),
    form: `${kind.form}; several are a list`,
    isList: true,
    read: (texts) => texts.map((one) => kind.read([one])),
    write: (values) => values,
  };
}

/** One of a kind or several; a program may give one as it is. */
export function oneOrMore(kind: Kind<string>): Kind<string | readonly string[]> {
  const several = list(kind);
  return {
    ...several,
    values: either(kind.values, listOf(kind.values, { min: 1 })),
    read(texts) {
      if (texts.length === 0) throw new Misread(`Expected ${kind.form}`);
      return several.read(texts);
    },
    write: (value) => [value].flat(),
  };
}

/** A value that may be left out. */
export function optional<T>(kind: Kind<T>): Kind<T | undefined> {
  return {
    ...kind,
    values: orNothing(kind.values),
    write: (value) => (value === undefined ? [] : kind.write(value)),
  };
}
