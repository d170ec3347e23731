import { isClientInScope } from '../model/caller.ts';
import type { Wanted } from './callee.ts';

/** Who may have room. */
interface Offered {
  readonly clientId: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Who waits for a callee of a method. */
export interface Waiters {
  /**
   * Calls `tryAgain` whenever somebody may have room who serves the method and is wanted; the longest waiting first. True:
   * it waits no more. The answer takes it back; undefined: too many other selectors are waited for, by all calls of the method or by
   * those of this principal, and it does not wait.
   */
  wait(method: string, wanted: Wanted, tryAgain: () => boolean): (() => void) | undefined;
  /** Somebody serves the method and may have room. @param hasRoom whether to ask the next one */
  offer(method: string, offered: Offered, hasRoom: () => boolean): void;
}

/** Selectors, and lists of clients, that calls of one method wait with: each is held against who may have room. */
export const MAX_SELECTORS = 1_000;
/** Of those, the part with which calls of one principal do. */
const SHARE = 1 / 2;

interface Waiter {
  /** The place in the line of all. */
  readonly place: number;
  readonly tryAgain: () => boolean;
  leave(): void;
}

/** Those that want the same: where one of them finds nobody, none does. */
type Group = Set<Waiter>;

interface Some {
  readonly group: Group;
  readonly matches: (offered: Offered) => boolean;
  /** Whose call came with it first (`holdersOf`). */
  readonly holders: readonly string[];
}

interface Line {
  readonly anybody: Group;
  readonly byClient: Map<string, Group>;
  /** Those who want some of all clients: for their labels, or since they may call these alone. */
  readonly bySome: Map<string, Some>;
}

/** One text for each selector and scope, to be the key of a map; undefined: any client will do. */
function someOf({ selector, scope: { clients } }: Wanted): string | undefined {
  if (clients === 'all') return selector?.canonical;
  // No selector, and no pattern of clients, has a line break.
  return [selector?.canonical ?? '', ...clients].join('\n');
}

/**
 * What an offer costs grows with those that may take it and with the selectors, not with the calls that want somebody else.
 * @param onReached calls of a principal would have waited with more selectors than its share
 */
export function createWaiters(onReached: () => void = () => undefined): Waiters {
  // Bounded by the calls that are open.
  const lines = new Map<string, Line>();
  let placeCount = 0;

  function groupOf({ anybody, byClient, bySome }: Line, wanted: Wanted): Group | undefined {
    const { clientId, selector, scope, holders } = wanted;
    if (clientId !== undefined) {
      const group = byClient.get(clientId) ?? new Set();
      byClient.set(clientId, group);
      return group;
    }
    const some = someOf(wanted);
    if (some === undefined) return anybody;
    const known = bySome.get(some);
    if (known) return known.group;
    if (bySome.size === MAX_SELECTORS || hasShare(bySome, holders)) return undefined;
    const group: Group = new Set();
    bySome.set(some, {
      group,
      holders,
      matches: (offered) => (selector?.matches(offered.labels) ?? true) && isClientInScope(scope, offered.clientId),
    });
    return group;
  }

  function hasShare(bySome: Line['bySome'], holders: readonly string[]): boolean {
    for (const holder of holders) {
      let count = 0;
      for (const one of bySome.values()) if (one.holders.includes(holder)) count += 1;
      if (count < MAX_SELECTORS * SHARE) continue;
      onReached();
      return true;
    }
    return false;
  }

  /** Forgets what nobody waits in any more. */
  function tidy(method: string, line: Line, wanted: Wanted): void {
    const { anybody, byClient, bySome } = line;
    const { clientId } = wanted;
    const some = clientId === undefined ? someOf(wanted) : undefined;
    if (clientId !== undefined && byClient.get(clientId)?.size === 0) byClient.delete(clientId);
    else if (some !== undefined && bySome.get(some)?.group.size === 0) bySome.delete(some);
    const isEmpty = anybody.size === 0 && byClient.size === 0 && bySome.size === 0;
    if (isEmpty && lines.get(method) === line) lines.delete(method);
  }

  return {
    wait(method, wanted, tryAgain) {
      const line = lines.get(method) ?? { anybody: new Set(), byClient: new Map(), bySome: new Map() };
      const group = groupOf(line, wanted);
      if (!group) return undefined;
      lines.set(method, line);
      const waiter: Waiter = {
        place: placeCount++,
        tryAgain,
        leave() {
          if (group.delete(waiter)) tidy(method, line, wanted);
        },
      };
      group.add(waiter);
      return waiter.leave;
    },
    offer(method, offered, hasRoom) {
      const line = lines.get(method);
      if (!line || !hasRoom()) return;
      const groups = [line.anybody];
      const named = line.byClient.get(offered.clientId);
      if (named) groups.push(named);
      for (const { group, matches } of line.bySome.values()) if (matches(offered)) groups.push(group);
      while (hasRoom()) {
        const next = firstOf(groups);
        if (!next) break;
        if (next.waiter.tryAgain()) next.waiter.leave();
        else groups.splice(groups.indexOf(next.group), 1);
      }
    },
  };
}

/** Who waits longest of all groups. */
function firstOf(groups: readonly Group[]): { readonly group: Group; readonly waiter: Waiter } | undefined {
  let first: { readonly group: Group; readonly waiter: Waiter } | undefined;
  for (const group of groups) {
    const [waiter] = group;
    if (waiter && (!first || waiter.place < first.waiter.place)) first = { group, waiter };
  }
  return first;
}
