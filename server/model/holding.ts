import type { DeliveryFacts, OpenDelivery } from './delivery.ts';

// What a client that comes back says it has.

/**
 * A delivery that a client says it holds, which has this session row now. `adopted`: it was another row's, or nobody's,
 * and is this one's from here on. What runs in a row that is neither this one nor one that it replaces is not theirs.
 */
export function decideHolding(
  facts: DeliveryFacts,
  open: OpenDelivery | undefined,
  sessionKey: number,
  replaced: ReadonlySet<number>,
): 'held' | 'adopted' | 'closed' {
  if (!open) return 'closed';
  if (facts.sessionKey === sessionKey) return 'held';
  return open.from === 'ready' || replaced.has(facts.sessionKey ?? 0) ? 'adopted' : 'closed';
}

/** Whether a delivery had begun, as far as its loss says; null: nobody has said. */
export function isKnownStarted(facts: DeliveryFacts, open: OpenDelivery): boolean | null {
  return open.from === 'ready' ? facts.ended === 'lostBurnt' : null;
}
