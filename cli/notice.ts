import type { StatusObject } from '@grpc/grpc-js';
import { CommanderError } from 'commander';
import { ContactError } from '../shared/errors.ts';
import { CommandFailure, EXIT, exitCodeOf } from './exit.ts';
import { inFlags } from './flags.ts';

/** What went wrong, as a program reads it. */
export interface ErrorJson extends ErrorSubject {
  readonly code: string;
  readonly message: string;
  readonly field?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly reason?: string | undefined;
}

/** A line of stderr. */
export type NoticeJson = { readonly error: ErrorJson } | { readonly note: { readonly message: string } };

/** Which of several things an error is about. */
export interface ErrorSubject {
  /** The id of a task. */
  readonly id?: string | undefined;
  /** From 0. */
  readonly index?: number | undefined;
}

/** What ends a command, or one of the things that it was to do: an error, or what is told of it already. @param about which of several that was */
export function failureToJson(failure: unknown, about: ErrorSubject = {}): ErrorJson {
  if (failure instanceof ContactError) {
    const { code, problem, field, index, retryAfterMs, advice } = failure;
    return { code, message: inFlags(problem), field, index, retryAfterMs, reason: advice?.reason, ...about };
  }
  if (!(failure instanceof Error)) return { ...(failure as ErrorJson), ...about };
  const { message } = failure;
  if (failure instanceof CommandFailure || failure instanceof CommanderError) {
    const { code, field, reason, id } = failure instanceof CommandFailure ? failure.facts : {};
    const known = code ?? CODES.get(exitCodeOf(failure)) ?? 'FAILED_PRECONDITION';
    // A line for people names the field itself, and the parser says that it tells of an error.
    const problem = message.replace(field === undefined ? /^error: / : `${field}: `, '');
    return { code: known, message: problem, field, reason, id, ...about };
  }
  return { code: 'INTERNAL', message, ...about };
}

/** A call that ended with another status than OK. */
export function statusToJson(status: StatusObject, code: string, message: string): ErrorJson {
  const { retryAfterMs, advice } = ContactError.from(Object.assign(new Error(status.details), status));
  return { code, message, retryAfterMs, reason: advice?.reason };
}

const CODES: ReadonlyMap<number, string> = new Map([
  [EXIT.usage, 'INVALID_ARGUMENT'],
  [EXIT.unreachable, 'UNAVAILABLE'],
]);
