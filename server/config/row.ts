import { maskPassword } from '../../shared/redact.ts';
import type { Kind } from './kinds.ts';

/** An option of a server: everything that flags, environment, file, `createServer()` and the reference need of it. */
export interface Row<T> {
  readonly kind: Kind<T>;
  readonly default: T;
  /** What is said in place of a default that depends on the machine, or that is only known later. */
  readonly defaultText?: string;
  /** What it means, for `--help` and the reference: a phrase without a full stop. */
  readonly description: string;
  /** The value is never shown. */
  readonly isSecret?: boolean;
  /** A running server takes a new value of it on SIGHUP. */
  readonly isReloaded?: boolean;
}

export function row<T>(one: Row<T>): Row<T> {
  return one;
}

/** A row whose value is of any type. */
// biome-ignore lint/suspicious/noExplicitAny: a kind both takes and gives its type, so that no other type stands for all of them.
export type AnyRow = Row<any>;

export type Rows = Readonly<Record<string, AnyRow>>;

/** The values of a table of rows, by the names of programs. */
export type ValuesOf<R extends Rows> = { readonly [Name in keyof R]: R[Name] extends Row<infer T> ? T : never };

/** Units stand in the names of programs, and beside the value everywhere else. */
const UNIT = /(?:Ms|BytesPerSecond|Bytes)$/;

/** `maxPayloadBytes` is `max-payload` in the file; the flag has two dashes before that. */
export function keyOf(name: string): string {
  return name.replace(UNIT, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export function flagOf(name: string): string {
  return `--${keyOf(name)}`;
}

/** `maxPayloadBytes` is `CONTACT_MAX_PAYLOAD` in the environment. */
export function variableOf(name: string): string {
  return `CONTACT_${keyOf(name).toUpperCase().replaceAll('-', '_')}`;
}

/** What a value is where people see it; a secret is never shown. */
export function showValue({ kind, isSecret }: AnyRow, value: unknown): string {
  const texts = kind.write(value);
  return isSecret && texts.length > 0 ? '(set)' : texts.map(maskPassword).join(', ');
}

/** The default where people see it; empty: there is none. */
export function showDefault(one: AnyRow): string {
  return one.defaultText ?? showValue(one, one.default);
}
