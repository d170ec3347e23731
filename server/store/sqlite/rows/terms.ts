import type { Value } from '../file/database.ts';

/** What was said of a task when it came, and when that was: mostly the same for all tasks of a batch. */
export interface TaskTerms {
  readonly createdAt: number;
  readonly contentType: string;
  readonly priority: number;
  readonly maxAttempts: number;
  readonly timeoutMs: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  /** As it is stored. */
  readonly metadata: string | null;
}

export const TERMS = `created_at, content_type, priority, max_attempts, timeout_ms, backoff_base_ms, backoff_cap_ms,
  metadata`;

/** What TERMS say but for the instant, as a condition; its values are those of `termsValues`. */
export const TERMS_ARE = `content_type = ? AND priority = ? AND max_attempts = ? AND timeout_ms = ?
  AND backoff_base_ms = ? AND backoff_cap_ms = ? AND metadata IS ?`;

export function termsValues(terms: TaskTerms): Value[] {
  const { contentType, priority, maxAttempts, timeoutMs, backoffBaseMs, backoffCapMs, metadata } = terms;
  return [contentType, priority, maxAttempts, timeoutMs, backoffBaseMs, backoffCapMs, metadata];
}

/** @param at where its columns begin, in the order of TERMS */
export function readTerms(c: readonly Value[], at: number): TaskTerms {
  return {
    createdAt: c[at] as number,
    contentType: c[at + 1] as string,
    priority: c[at + 2] as number,
    maxAttempts: c[at + 3] as number,
    timeoutMs: c[at + 4] as number,
    backoffBaseMs: c[at + 5] as number,
    backoffCapMs: c[at + 6] as number,
    metadata: c[at + 7] as string | null,
  };
}

/** The terms that came before, if they are the same again: one object for many tasks that wait. */
export type ShareTerms = (terms: TaskTerms) => TaskTerms;

export function createSharing(): ShareTerms {
  let last: TaskTerms | undefined;
  return (terms) => {
    if (last?.createdAt !== terms.createdAt || !areAlike(last, terms)) last = terms;
    return last;
  };
}

/** They differ in the instant at most. */
export function areAlike(a: TaskTerms, b: TaskTerms): boolean {
  return (
    a.contentType === b.contentType &&
    a.priority === b.priority &&
    a.maxAttempts === b.maxAttempts &&
    a.timeoutMs === b.timeoutMs &&
    a.backoffBaseMs === b.backoffBaseMs &&
    a.backoffCapMs === b.backoffCapMs &&
    a.metadata === b.metadata
  );
}
