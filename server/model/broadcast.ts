import type { SettledState, TaskError } from './task.ts';

/** The instant of a child that is held until its broadcast is open. */
export const UNTIL_OPEN = Number.POSITIVE_INFINITY;

/**
 * Whom a broadcast is for, in the one spelling of all that mean the same: it is stored and compared.
 * @param canonical the canonical form of a selector; null: every client that serves the queue
 * @param isKnown also named clients that are away
 */
export function writeAudience(canonical: string | null, isKnown: boolean): string {
  return `${isKnown ? 'known' : 'connected'}:${canonical ?? ''}`;
}

/** Children by how they settled first; what a redrive makes of a failed one later does not count. */
export interface ChildCounts {
  readonly children: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly expired: number;
}

/** How the parent of a broadcast settles. */
export interface BroadcastEnd {
  readonly state: SettledState;
  readonly error: TaskError | null;
  /** The counts as JSON. */
  readonly result: Uint8Array;
  readonly contentType: string;
}

/**
 * The end of a broadcast whose children have these counts; undefined: some are still out.
 * @param cancelReason of the parent; null: nobody asked for its cancel
 */
export function endBroadcast(counts: ChildCounts, cancelReason: string | null): BroadcastEnd | undefined {
  const { children, succeeded, failed, cancelled, expired } = counts;
  if (succeeded + failed + cancelled + expired < children) return undefined;
  const told = {
    result: Buffer.from(JSON.stringify({ children, succeeded, failed, cancelled, expired })),
    contentType: 'application/json',
  };
  if (succeeded === children) return { state: 'succeeded', error: null, ...told };
  if (cancelReason !== null) {
    return { state: 'cancelled', error: { code: 'CANCELLED', message: cancelReason }, ...told };
  }
  const message = `${children - succeeded} of ${children} children did not succeed`;
  return { state: 'failed', error: { code: 'CHILDREN', message }, ...told };
}
