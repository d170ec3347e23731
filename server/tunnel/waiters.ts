/** Who waits for a callee of a method. */
export interface Waiters {
  /**
   * Calls `tryAgain` whenever somebody who serves the method may have room; the longest waiting first. True: it waits no
   * more. The answer takes it back.
   */
  wait(method: string, tryAgain: () => boolean): () => void;
  /** Somebody serves the method and may have room. @param hasRoom whether to ask the next one */
  offer(method: string, hasRoom: () => boolean): void;
}

export function createWaiters(): Waiters {
  // Bounded by the calls that are open.
  const waitersByMethod = new Map<string, Set<() => boolean>>();

  function drop(method: string, waiters: ReadonlySet<() => boolean>): void {
    if (waiters.size === 0 && waitersByMethod.get(method) === waiters) waitersByMethod.delete(method);
  }

  return {
    wait(method, tryAgain) {
      const waiters = waitersByMethod.get(method) ?? new Set();
      waiters.add(tryAgain);
      waitersByMethod.set(method, waiters);
      return () => {
        if (waiters.delete(tryAgain)) drop(method, waiters);
      };
    },
    offer(method, hasRoom) {
      const waiters = waitersByMethod.get(method);
      if (!waiters) return;
      for (const tryAgain of waiters) {
        if (!hasRoom()) break;
        if (tryAgain()) waiters.delete(tryAgain);
      }
      drop(method, waiters);
    },
  };
}
