// What programs may give for an option, where people write a text. These few checks are the server's own: a library for
// schemas of every shape, loaded for them alone, was a twelfth of the processor time of a start.

/** The values that an option may have. */
export interface Values<T> {
  /** In words that follow `expected`: `a whole number from 1 to 100000`. */
  readonly form: string;
  readonly has: (value: unknown) => value is T;
}

/** Numbers of a range, its ends among them: whole ones, unless it is said that a fraction will do. */
export function numbers({
  min,
  max,
  isFractional = false,
}: {
  readonly min: number;
  readonly max: number;
  readonly isFractional?: boolean;
}): Values<number> {
  const isNumber = isFractional ? Number.isFinite : Number.isSafeInteger;
  return {
    form: `${isFractional ? 'a number' : 'a whole number'} from ${min} to ${max}`,
    has: (value): value is number => isNumber(value) && (value as number) >= min && (value as number) <= max,
  };
}

export function booleans(): Values<boolean> {
  return { form: 'true or false', has: (value) => typeof value === 'boolean' };
}

/** One of some words. */
export function wordsOf<W extends string>(words: readonly W[]): Values<W> {
  return { form: `one of ${words.join(', ')}`, has: (value): value is W => words.some((word) => word === value) };
}

/** Texts of a form. */
export function textsOf(form: string, isOne: (text: string) => boolean): Values<string> {
  return { form, has: (value): value is string => typeof value === 'string' && isOne(value) };
}

/** A list of such values. */
export function listOf<T>(one: Values<T>, { min = 0, max = Number.POSITIVE_INFINITY } = {}): Values<readonly T[]> {
  const most = max === Number.POSITIVE_INFINITY ? '' : ` of at most ${max}`;
  return {
    form: `${min > 0 ? 'a list with something in it' : 'a list'}${most}, each ${one.form}`,
    has: (value): value is readonly T[] =>
      Array.isArray(value) && value.length >= min && value.length <= max && value.every((item) => one.has(item)),
  };
}

/** The values of one or of the other. */
export function either<A, B>(one: Values<A>, other: Values<B>): Values<A | B> {
  return {
    form: `${one.form}, or ${other.form}`,
    has: (value): value is A | B => one.has(value) || other.has(value),
  };
}

/** Such a value or none. */
export function orNothing<T>(one: Values<T>): Values<T | undefined> {
  return { form: one.form, has: (value): value is T | undefined => value === undefined || one.has(value) };
}
