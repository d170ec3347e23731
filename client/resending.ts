import type { Clock } from '../shared/clock.ts';
import type { ContactError, ErrorCode } from '../shared/errors.ts';
import { isFinal, isRefusal } from './closing.ts';

/**
 * A stream that was reset shows as INTERNAL, and so does a mistake of an old server, which marks nothing: so many in
 * a row, over so long, are a mistake. One that a server has marked is one at once.
 */
const MAX_INTERNAL = 3;
const INTERNAL_MS = 5_000;
const BROKEN: ReadonlySet<ErrorCode> = new Set(['UNAVAILABLE', 'CANCELLED', 'INTERNAL']);

/**
 * Judges the failures of one call that may be sent twice, in their order: whether it is worth sending again. So it is after a
 * broken connection, and where a full server says when to come again. A try that the server had begun to answer, or that it
 * let wait, was no mistake of an old one: proxies end such a stream at their time-outs.
 */
export function createResending(
  clock: Clock,
): (error: ContactError, wasConnected: boolean, wasTaken: boolean) => boolean {
  let internalCount = 0;
  let internalSince = 0;
  return (error, wasConnected, wasTaken) => {
    internalCount = error.code === 'INTERNAL' && !wasTaken ? internalCount + 1 : 0;
    if (internalCount <= 1) internalSince = clock.monotonic();
    const isLasting = internalCount > MAX_INTERNAL && clock.monotonic() - internalSince >= INTERNAL_MS;
    if (error.code === 'INTERNAL' && (error.isMarked || isLasting)) return false;
    if (isFinal({ error, advice: error.advice ?? null }, wasConnected)) return false;
    return Boolean(error.advice) || BROKEN.has(error.code) || isRefusal(error) || error.retryAfterMs !== undefined;
  };
}
