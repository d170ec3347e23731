import { describeThrown } from '../../shared/describe.ts';
import { ContactError } from '../../shared/errors.ts';
import type { StandardIssue, StandardSchema } from './standard.ts';

/** The longest path and message that an error tells: a schema may quote the value, which may be of any length. */
const MAX_PATH = 200;
const MAX_MESSAGE = 500;
const NAME = /^[A-Za-z_$][\w$]*$/;

/**
 * What a schema makes of a value, at once where the schema answers at once: a task that is enqueued travels with the others of
 * its turn of the event loop.
 * @param place what the value is, as an error names it: `payload`, `result`
 * @throws ContactError INVALID_ARGUMENT whose field is the place of the first thing that is wrong: `payload.lines[2].price`
 */
export function judge<T>(
  schema: StandardSchema<unknown, T> | undefined,
  value: unknown,
  place: string,
): T | Promise<T> {
  if (!schema) return value as T;
  const refuse = (thrown: unknown): never => {
    throw new ContactError('INVALID_ARGUMENT', `its schema threw ${shorten(describeThrown(thrown))}`, {
      field: place,
      cause: thrown,
    });
  };
  const read = (result: unknown): T => readResult<T>(result, place);
  let result: unknown;
  try {
    result = schema['~standard'].validate(value);
  } catch (error) {
    return refuse(error);
  }
  return isPromise(result) ? result.then(read, refuse) : read(result);
}

function readResult<T>(result: unknown, place: string): T {
  const { issues, value } = (result ?? {}) as { readonly issues?: readonly StandardIssue[]; readonly value?: T };
  if (issues === undefined) return value as T;
  const [first] = issues;
  const others = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  const field = place + pathOf(first?.path).slice(0, MAX_PATH);
  throw new ContactError('INVALID_ARGUMENT', `${shorten(String(first?.message ?? 'not valid'))}${others}`, { field });
}

/** As it would be written in a program: `.lines[2]["unit price"]`. */
function pathOf(path: StandardIssue['path'] = []): string {
  return path
    .map((step) => {
      const key = typeof step === 'object' ? step.key : step;
      if (typeof key === 'number' || /^\d+$/.test(String(key))) return `[${String(key)}]`;
      return NAME.test(String(key)) ? `.${String(key)}` : `[${JSON.stringify(String(key))}]`;
    })
    .join('');
}

function shorten(text: string): string {
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}…`.toWellFormed() : text;
}

export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}

/** The rule of a schema that is given: an object, or a function as arktype's are. */
export function isSchema(value: unknown): string | null {
  const expected = 'a schema by Standard Schema 1 (of zod, valibot, arktype, …)';
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return expected;
  const standard = (value as Partial<StandardSchema>)['~standard'];
  return standard?.version === 1 && typeof standard.validate === 'function' ? null : expected;
}
