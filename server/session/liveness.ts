/** When a session counts as alive. Pure. */

export interface Patience {
  readonly pingIntervalMs: number;
  /** A line slower than this is taken for dead. */
  readonly slowLineBytesPerSecond: number;
}

/** Silent intervals before the end. */
const INTERVALS = 3;

/**
 * The part of an interval that counts as silent: the answer to a ping is a moment late, and is to cost no look of its
 * own.
 */
const SILENT = 0.9;

/** How long a session may be silent while `outstandingBytes` are on their way to it. */
export function patienceMs({ pingIntervalMs, slowLineBytesPerSecond }: Patience, outstandingBytes: number): number {
  return INTERVALS * pingIntervalMs + (1_000 * outstandingBytes) / slowLineBytesPerSecond;
}

export type LivenessStep = { readonly kind: 'wait' | 'ping'; readonly ms: number } | { readonly kind: 'dead' };

/**
 * What to do now, and when to look again. Nobody is dead who was not asked: after a pause of the whole process a
 * silence is long through no fault of the client.
 * @param silentMs since the last sign of life
 * @param isPinged a ping is on its way, unanswered
 */
export function nextStep(
  silentMs: number,
  isPinged: boolean,
  patience: Patience,
  outstandingBytes: number,
): LivenessStep {
  const { pingIntervalMs } = patience;
  const longestMs = patienceMs(patience, outstandingBytes);
  if (isPinged) return silentMs >= longestMs ? { kind: 'dead' } : { kind: 'wait', ms: longestMs - silentMs };
  if (silentMs < SILENT * pingIntervalMs) return { kind: 'wait', ms: pingIntervalMs - silentMs };
  return { kind: 'ping', ms: pingIntervalMs };
}
