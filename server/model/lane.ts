import type { Lane, LaneRef } from './task.ts';

/**
 * A lane says who may take a task. Its name is stored and compared as text, and only this file knows how it is written:
 * `` anyone, `c:<client id>` one client, `s:<canonical selector>` those whose labels match, `p:` nobody (the parent of
 * a broadcast, which waits for its children).
 */
export type Addressee =
  | { readonly kind: 'anyone' | 'children' }
  | { readonly kind: 'client'; readonly clientId: string }
  | { readonly kind: 'selector'; readonly selector: string };

const CLIENT_PREFIX = 'c:';
const SELECTOR_PREFIX = 's:';

/** Anybody who serves the queue. */
export const SHARED_LANE: Lane = '';

/** Where the parent of a broadcast waits for its children; nobody draws from it. */
export const PARENT_LANE: Lane = 'p:';

export function laneOfClient(clientId: string): Lane {
  return CLIENT_PREFIX + clientId;
}

/** @param canonical the canonical form of a selector, see selector.ts */
export function laneOfSelector(canonical: string): Lane {
  return SELECTOR_PREFIX + canonical;
}

export function isClientLane(lane: Lane): boolean {
  return lane.startsWith(CLIENT_PREFIX);
}

/** The client that a client's lane names. */
export function clientIdOf(lane: Lane): string {
  return lane.slice(CLIENT_PREFIX.length);
}

/** The canonical selector that a selector's lane names. */
export function selectorOf(lane: Lane): string {
  return lane.slice(SELECTOR_PREFIX.length);
}

export function isSelectorLane(lane: Lane): boolean {
  return lane.startsWith(SELECTOR_PREFIX);
}

/** Whom a lane addresses. */
export function addresseeOf(lane: Lane): Addressee {
  if (lane === SHARED_LANE) return { kind: 'anyone' };
  if (lane === PARENT_LANE) return { kind: 'children' };
  if (isClientLane(lane)) return { kind: 'client', clientId: clientIdOf(lane) };
  return { kind: 'selector', selector: selectorOf(lane) };
}

/** One text for a queue and a lane, to be the key of a map: no name of a queue has a blank. */
export function laneKey({ queue, lane }: LaneRef): string {
  return `${queue} ${lane}`;
}

/** The distinct lanes of a batch, in the order in which they come first. Most batches have one, which costs no map. */
export function distinctLanes(refs: readonly LaneRef[]): LaneRef[] {
  const distinct: LaneRef[] = [];
  const seen = new Set<string>();
  let last: LaneRef | undefined;
  for (const ref of refs) {
    if (ref.queue === last?.queue && ref.lane === last.lane) continue;
    last = ref;
    const key = laneKey(ref);
    if (seen.has(key)) continue;
    seen.add(key);
    distinct.push(ref);
  }
  return distinct;
}
