import * as z from 'zod';

// What the types of JSON lines are built of. Commands use these types alone, at compile time; docs/json.md is drawn from the
// values, and tests hold what every command prints against them.

/** A type of objects by its name: a field that is not in it is a mistake. */
export function shape<T extends z.ZodRawShape>(title: string, text: string, fields: T) {
  return z.strictObject(fields).meta({ title, description: text });
}

/** One of several types by the one field that each has. */
export function oneOf<T extends readonly [z.ZodType, ...z.ZodType[]]>(title: string, text: string, types: T) {
  return z.union(types).meta({ title, description: text });
}

/** A field that is always there. */
export function always<S extends z.ZodType>(type: S, text: string): S {
  return type.describe(text) as S;
}

/** A field that is left out at times. @param absent what it means that it is not there */
export function maybe<S extends z.ZodType>(type: S, text: string, absent: string): z.ZodOptional<S> {
  return type.optional().meta({ description: text, absent }) as z.ZodOptional<S>;
}

export const text = z.string().min(1);
export const flag = z.boolean();
/** A number of things, or which one of them. */
export const whole = z.int().min(0);
export const integer = z.int();
export const number = z.number();
/** In UTC, with milliseconds. */
export const instant = z.iso.datetime({ precision: 3 }).meta({ title: 'instant' });
export const texts = z.array(text);
export const pairs = z.record(z.string(), z.string());
export const counts = z.record(z.string(), whole);
/** What a payload or a result is in JSON. */
export const jsonValue = z.json().meta({ title: 'value' });

export function word<const T extends readonly [string, ...string[]]>(...words: T) {
  return z.enum(words);
}
