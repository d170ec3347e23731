/** When a session counts as alive. Pure. */

/** A line slower than this is taken for dead. */
const SLOW_LINE_BYTES_PER_MS = 8;

/** Silent intervals before the end. */
const INTERVALS = 3;

/** How long a session may be silent while `outstandingBytes` are on their way to it. */
export function patienceMs(pingIntervalMs: number, outstandingBytes: number): number {
  return INTERVALS * pingIntervalMs + outstandingBytes / SLOW_LINE_BYTES_PER_MS;
}

export type LivenessStep = { readonly kind: 'wait' | 'ping'; readonly ms: number } | { readonly kind: 'dead' };

/**
 * What to do now, and when to look again.
 * @param silentMs since the last sign of life
 * @param isPinged a ping is on its way, unanswered
 */
export function nextStep(
  silentMs: number,
  isPinged: boolean,
  pingIntervalMs: number,
  outstandingBytes: number,
): LivenessStep {
  const patience = patienceMs(pingIntervalMs, outstandingBytes);
  if (silentMs >= patience) return { kind: 'dead' };
  if (isPinged) return { kind: 'wait', ms: patience - silentMs };
  if (silentMs < pingIntervalMs) return { kind: 'wait', ms: pingIntervalMs - silentMs };
  return { kind: 'ping', ms: patience - silentMs };
}
