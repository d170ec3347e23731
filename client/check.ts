import { isIP } from 'node:net';
import { type ContactError, invalid, withIndex } from '../shared/errors.ts';
import { isName } from '../shared/ids.ts';
import { NAME_FORM, showMisname } from '../shared/name.ts';
import { isPlainText } from '../shared/text.ts';

/** Whether a value may be given; null: yes, else what was expected. */
export interface Check {
  (value: unknown): string | null;
  /** Of a list: what each item must be, so that the one that is wrong can be named. */
  readonly each?: Check;
  /** Shows a wrong value, and what of it is wrong. */
  readonly show?: (value: unknown) => string;
}
/** For each field that may be given; `undefined` is as if it were not. */
export type Rules = Readonly<Record<string, Check>>;

/** Longer than any process lives, and exact as a number. */
const MAX_WAIT_MS = Number.MAX_SAFE_INTEGER;
const SHOWN_CHARACTERS = 80;

/**
 * Throws INVALID_ARGUMENT naming the first field that is unknown or of a wrong kind. What a program gives comes from
 * plain JavaScript too, and what could not be encoded later must not come as far as the wire.
 */
export function checkFields(given: unknown, rules: Rules, what = 'options'): void {
  checkValue(what, given, object);
  for (const name in given as object) {
    const value = (given as Record<string, unknown>)[name];
    const check = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (!check) throw invalid(name, `unknown field of the ${what}; known: ${Object.keys(rules).join(', ')}`);
    if (value === undefined) continue;
    checkValue(name, value, check);
  }
}

/** Throws INVALID_ARGUMENT unless the value is there and right. */
export function checkValue(field: string, value: unknown, check: Check): void {
  const expected = check(value);
  if (expected === null) return;
  const { each } = check;
  const place = each && Array.isArray(value) ? value.findIndex((item) => each(item) !== null) : -1;
  if (!each || place < 0) throw wrong(field, expected, value, check.show);
  const item = (value as unknown[])[place];
  throw withIndex(wrong(`${field}[${place}]`, each(item)!, item, each.show), place);
}

export function wrong(field: string, expected: string, value: unknown, showValue = show): ContactError {
  return invalid(field, `expected ${expected}, got ${showValue(value)}`);
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, SHOWN_CHARACTERS));
  if (typeof value === 'number' || typeof value === 'boolean') return `\`${value}\``;
  if (value === null) return 'null';
  if (typeof value !== 'object') return `a value of type ${typeof value}`;
  return Array.isArray(value) ? 'an array' : `an object (${kindOf(value)})`;
}

function when(expected: string, test: (value: unknown) => boolean): Check {
  return (value) => (test(value) ? null : expected);
}

function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

/** Whether a value was made by `{}`, in whatever realm, or without a prototype: all that it has are its own fields. */
export function isPlain(value: unknown): boolean {
  if (object(value) !== null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

const isText = (value: unknown): value is string => typeof value === 'string' && isPlainText(value);

export const string = when('a string', (v) => typeof v === 'string');
export const text = when('a string of whole characters without NUL', isText);
export const someText = when(
  'a string that is not empty, of whole characters without NUL',
  (v) => isText(v) && v !== '',
);
export const name: Check = Object.assign(
  when(NAME_FORM, (v) => typeof v === 'string' && isName(v)),
  { show: (value: unknown) => (typeof value === 'string' ? showMisname(value) : show(value)) },
);
export const flag = when('true or false', (v) => typeof v === 'boolean');
export const method = when('a function', (v) => typeof v === 'function');
/** An object with fields of its own; not a Map, a Date, an array or whatever else holds what it has in another way. */
export const object = when('an object', (v) => typeof v === 'object' && v !== null && kindOf(v) === 'Object');
export const bytes = when('a Uint8Array', (v) => v instanceof Uint8Array);
export const waitMs = when(
  `a number of milliseconds from 0 to ${MAX_WAIT_MS}`,
  (v) => typeof v === 'number' && v >= 0 && v <= MAX_WAIT_MS,
);
/** Of a wait that may be without end: 0 or Infinity. */
export const deadlineMs: Check = (value) => (value === Number.POSITIVE_INFINITY ? null : waitMs(value));
export const signal = when('an AbortSignal', (v) => v instanceof AbortSignal);
/** The instants that google.protobuf.Timestamp can tell. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');

export const instant = when(
  'a valid Date of the years 1 to 9999',
  (v) => v instanceof Date && v.getTime() >= FIRST_MS && v.getTime() <= LAST_MS,
);
export const anything: Check = () => null;

/** A header of HTTP: a token with a line break would not get there. */
export const headerText = when(
  'a string of printable ASCII characters',
  (v) => typeof v === 'string' && /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(v),
);

/** A name as it stands in a certificate, or an address. */
export const hostName = when(
  'the name of a host',
  (v) => typeof v === 'string' && (isIP(v) > 0 || /^(?=.{1,253}$)[\w-]{1,63}(?:\.[\w-]{1,63})*$/.test(v)),
);

/** Milliseconds, at least so many: with fewer, what they are for would never come about. */
export function atLeastMs(min: number): Check {
  return when(
    `a number of milliseconds from ${min} to ${MAX_WAIT_MS}`,
    (v) => typeof v === 'number' && v >= min && v <= MAX_WAIT_MS,
  );
}

export function integer(min: number, max: number): Check {
  return when(`an integer from ${min} to ${max}`, (v) => Number.isInteger(v) && Number(v) >= min && Number(v) <= max);
}

/** What the wire has room for, as most spans of time are told in milliseconds. */
export const uint32 = integer(0, 2 ** 32 - 1);

/** A number of days, parts of one too. */
export function daysUpTo(max: number): Check {
  return when(`a number of days above 0 and up to ${max}`, (v) => typeof v === 'number' && v > 0 && v <= max);
}

export function oneOf(values: readonly string[]): Check {
  return when(`one of ${values.join(', ')}`, (v) => typeof v === 'string' && values.includes(v));
}

export function either(first: Check, second: Check): Check {
  return (value) => {
    const expected = first(value);
    return expected === null || second(value) === null ? null : `${expected} or ${second(value)}`;
  };
}

export function listOf(each: Check): Check {
  const list = (value: unknown): string | null => {
    if (!Array.isArray(value)) return 'an array';
    for (const item of value) {
      const expected = each(item);
      if (expected !== null) return `an array, each ${expected}`;
    }
    return null;
  };
  return Object.assign(list, { each });
}

export function recordOf(each: Check): Check {
  return (value) => {
    if (!isPlain(value)) return 'a plain object of strings';
    for (const key of Object.keys(value as object)) {
      if (!isText(key)) return 'keys of whole characters without NUL';
      const expected = each((value as Record<string, unknown>)[key]);
      if (expected !== null) return `${expected} under ${JSON.stringify(key)}`;
    }
    return null;
  };
}

/** Whatever has these functions, also those of its class. */
export function having(what: string, ...methods: readonly string[]): Check {
  const expected = `${what} with the functions ${methods.join(', ')}`;
  return (value) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return expected;
    return methods.every((one) => method((value as Record<string, unknown>)[one]) === null) ? null : expected;
  };
}

/** An object with the fields of `rules`. */
export function shape(rules: Rules): Check {
  return (value) => {
    if (object(value) !== null) return 'an object';
    for (const key in value as object) {
      const check = Object.hasOwn(rules, key) ? rules[key] : undefined;
      if (!check) return `only ${Object.keys(rules).join(', ')}, and not ${key},`;
      const field = (value as Record<string, unknown>)[key];
      const expected = field === undefined ? null : check(field);
      if (expected !== null) return `${key} to be ${expected}`;
    }
    return null;
  };
}

const codecMethods = having('a codec', 'encode', 'decode');

export const codec: Check = (value) =>
  codecMethods(value) ??
  (text((value as { readonly contentType: unknown }).contentType) === null
    ? null
    : 'a codec whose contentType is a string');

/** Acts with a deadline that was checked; a wrong one rejects. */
export function withDeadline<T>(
  given: { readonly deadlineMs?: number } = {},
  act: (deadlineMs: number | undefined) => Promise<T>,
): Promise<T> {
  try {
    checkFields(given, { deadlineMs: waitMs });
  } catch (error) {
    return Promise.reject(error);
  }
  return act(given.deadlineMs);
}
