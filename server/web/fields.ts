import { type Timestamp, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { invalid } from '../../shared/errors.ts';
import { findNear } from '../../shared/near.ts';

/** What JSON Schema says of a value. */
export type Schema = Readonly<Record<string, unknown>>;

/** One thing that a request may say: how it is read, out of JSON or out of the query of a URL, and what is said of it. */
export interface Field<T> {
  readonly text: string;
  readonly schema: Schema;
  readonly isRequired?: boolean;
  /** INVALID_ARGUMENT naming `name`: the value is none of these. */
  read(value: unknown, name: string): T;
  /** The same, of what a query says once or more often. */
  readQuery(values: readonly string[], name: string): T;
}

// biome-ignore lint/suspicious/noExplicitAny: each field both takes and gives its type, so that no other type stands for all of them.
export type Fields = Readonly<Record<string, Field<any>>>;

/** What was said of a table of fields. */
export type Values<F extends Fields> = { readonly [K in keyof F]?: F[K] extends Field<infer T> ? T : never };

const MAX_UINT32 = 2 ** 32 - 1;
const ISO = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** A field that is one text in a query. */
function single<T>(
  text: string,
  schema: Schema,
  read: Field<T>['read'],
  parse: (value: string) => unknown = (value) => value,
): Field<T> {
  return {
    text,
    schema,
    read,
    readQuery(values, name) {
      if (values.length > 1) throw invalid(name, 'is there more than once');
      return read(parse(values[0]!), name);
    },
  };
}

export function required<T>(field: Field<T>): Field<T> {
  return { ...field, isRequired: true };
}

export function text(about: string): Field<string> {
  return single(about, { type: 'string' }, (value, name) => {
    if (typeof value === 'string') return value;
    throw invalid(name, `expected a text, got ${kindOf(value)}`);
  });
}

export function word<const W extends string>(about: string, words: readonly W[]): Field<W> {
  return single(about, { enum: words }, (value, name) => {
    if (words.includes(value as W)) return value as W;
    throw invalid(name, `expected one of ${words.join(', ')}`);
  });
}

const parseNumber = (value: string): unknown => (/^-?\d{1,16}$/.test(value) ? Number(value) : value);

export function whole(about: string, { min = 0, max = MAX_UINT32 } = {}): Field<number> {
  const schema = { type: 'integer', minimum: min, maximum: max };
  const read = (value: unknown, name: string): number => {
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    throw invalid(name, `expected a whole number from ${min} to ${max}, got ${kindOf(value)}`);
  };
  return single(about, schema, read, parseNumber);
}

export function flag(about: string): Field<boolean> {
  const read = (value: unknown, name: string): boolean => {
    if (typeof value === 'boolean') return value;
    throw invalid(name, 'expected true or false');
  };
  return single(about, { type: 'boolean' }, read, (value) =>
    value === 'true' ? true : value === 'false' ? false : value,
  );
}

export function instant(about: string): Field<Timestamp> {
  return single(about, { type: 'string', format: 'date-time' }, (value, name) => {
    const [, year, month, day] = (typeof value === 'string' && ISO.exec(value)) || [];
    const date = new Date(day === undefined ? Number.NaN : (value as string));
    // Node.js takes the 31st of February for a day of March.
    const days = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
    if (Number.isNaN(date.getTime()) || Number(day) > days) {
      throw invalid(name, 'expected an instant such as 2027-01-31T08:00:00Z');
    }
    return timestampFromDate(date);
  });
}

/** Several of a kind: a list, or in a query the same name again and again. */
export function many<T>(one: Field<T>): Field<T[]> {
  return {
    text: one.text,
    schema: { type: 'array', items: one.schema },
    read(value, name) {
      if (!Array.isArray(value)) throw invalid(name, `expected a list, got ${kindOf(value)}`);
      return value.map((item, index) => one.read(item, `${name}[${index}]`));
    },
    readQuery: (values, name) => values.map((value, index) => one.readQuery([value], `${name}[${index}]`)),
  };
}

/** A map of texts, or in a query `key=value` again and again. */
export function pairs(about: string): Field<Record<string, string>> {
  const read = (value: unknown, name: string): Record<string, string> => {
    if (!isObject(value)) throw invalid(name, `expected an object of texts, got ${kindOf(value)}`);
    for (const [key, one] of Object.entries(value)) {
      if (typeof one !== 'string') throw invalid(`${name}.${key}`, `expected a text, got ${kindOf(one)}`);
    }
    return value as Record<string, string>;
  };
  return {
    text: about,
    schema: { type: 'object', additionalProperties: { type: 'string' } },
    read,
    readQuery(values, name) {
      const found = values.map((value): [string, string] => {
        const at = value.indexOf('=');
        if (at < 1) throw invalid(name, 'expected key=value');
        return [value.slice(0, at), value.slice(at + 1)];
      });
      return Object.fromEntries(found);
    },
  };
}

/** Any value of JSON. */
export function anything(about: string): Field<unknown> {
  return single(about, {}, (value) => value);
}

/** An object with fields of its own. */
export function nested<F extends Fields>(about: string, fields: F): Field<Values<F>> {
  return single(about, schemaOf(fields), (value, name) => readFields(fields, value, name));
}

export function schemaOf(fields: Fields): Schema {
  const named = Object.entries(fields);
  const needed = named.filter(([, { isRequired }]) => isRequired).map(([name]) => name);
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(named.map(([name, { text, schema }]) => [name, { ...schema, description: text }])),
    ...(needed.length > 0 && { required: needed }),
  };
}

/** Reads an object of JSON. INVALID_ARGUMENT names the first field that is wrong, unknown or missing. */
export function readFields<F extends Fields>(fields: F, given: unknown, place = ''): Values<F> {
  const nameOf = (name: string): string => (place === '' ? name : `${place}.${name}`);
  if (!isObject(given)) throw invalid(place || 'request', `expected an object, got ${kindOf(given)}`);
  const values = new Map<string, unknown>();
  for (const [name, value] of Object.entries(given)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!field) throw unknownField(nameOf(name), name, fields);
    values.set(name, field.read(value, nameOf(name)));
  }
  checkRequired(fields, values, nameOf);
  return Object.fromEntries(values) as Values<F>;
}

/** Reads the query of a URL. INVALID_ARGUMENT as `readFields` has it. */
export function readQuery<F extends Fields>(fields: F, query: URLSearchParams): Values<F> {
  const values = new Map<string, unknown>();
  for (const name of new Set(query.keys())) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!field) throw unknownField(name, name, fields);
    values.set(name, field.readQuery(query.getAll(name), name));
  }
  checkRequired(fields, values, (name) => name);
  return Object.fromEntries(values) as Values<F>;
}

function checkRequired(fields: Fields, values: ReadonlyMap<string, unknown>, nameOf: (name: string) => string) {
  for (const [name, { isRequired }] of Object.entries(fields)) {
    if (isRequired && values.get(name) === undefined) throw invalid(nameOf(name), 'is required');
  }
}

function unknownField(place: string, name: string, fields: Fields): Error {
  const [near] = findNear(name, Object.keys(fields));
  const known = Object.keys(fields).join(', ') || 'none';
  return invalid(place.slice(0, 128), near ? `is not known; is it \`${near}\`?` : `is not known; there are ${known}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'a text' : typeof value === 'number' ? `${value}` : typeof value;
}
