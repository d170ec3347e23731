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
   * it waits no more. The answer takes it back; undefined: too many other selectors are waited for, and it does not wait.
   */
  wait(method: string, wanted: Wanted, tryAgain: () => boolean): (() => void) | undefined;
  /** Somebody serves the method and may have room. @param hasRoom whether to ask the next one */
  offer(method: string, offered: Offered, hasRoom: () => boolean): void;
}

/** Selectors that calls of one method wait with: each is held against who may have room. */
export const MAX_SELECTORS = 1_000;

interface Waiter {
  /** The place in the line of all. */
  readonly place: number;
  readonly tryAgain: () => boolean;
  leave(): void;
}

/** Those that want the same: where one of them finds nobody, none does. */
type Group = Set<Waiter>;

interface Line {
  readonly anybody: Group;
  readonly byClient: Map<string, Group>;
  readonly bySelector: Map<string, { readonly group: Group; readonly matches: (labels: Offered['labels']) => boolean }>;
}

/**
 * What an offer costs grows with those that may take it and with the selectors, not with the calls that want somebody else.
 */
export function createWaiters(): Waiters {
  // Bounded by the calls that are open.
  const lines = new Map<string, Line>();
  let placeCount = 0;

  function groupOf({ anybody, byClient, bySelector }: Line, { clientId, selector }: Wanted): Group | undefined {
    if (clientId !== undefined) {
      const group = byClient.get(clientId) ?? new Set();
      byClient.set(clientId, group);
      return group;
    }
    if (!selector) return anybody;
    const known = bySelector.get(selector.canonical);
    if (known) return known.group;
    if (bySelector.size === MAX_SELECTORS) return undefined;
    const group: Group = new Set();
    bySelector.set(selector.canonical, { group, matches: selector.matches });
    return group;
  }

  /** Forgets what nobody waits in any more. */
  function tidy(method: string, line: Line, { clientId, selector }: Wanted): void {
    const { anybody, byClient, bySelector } = line;
    if (clientId !== undefined && byClient.get(clientId)?.size === 0) byClient.delete(clientId);
    else if (selector && bySelector.get(selector.canonical)?.group.size === 0) bySelector.delete(selector.canonical);
    const isEmpty = anybody.size === 0 && byClient.size === 0 && bySelector.size === 0;
    if (isEmpty && lines.get(method) === line) lines.delete(method);
  }

  return {
    wait(method, wanted, tryAgain) {
      const line = lines.get(method) ?? { anybody: new Set(), byClient: new Map(), bySelector: new Map() };
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
    offer(method, { clientId, labels }, hasRoom) {
      const line = lines.get(method);
      if (!line || !hasRoom()) return;
      const groups = [line.anybody];
      const named = line.byClient.get(clientId);
      if (named) groups.push(named);
      for (const { group, matches } of line.bySelector.values()) if (matches(labels)) groups.push(group);
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
