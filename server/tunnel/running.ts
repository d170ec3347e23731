import { serviceOf } from './methods.ts';

/** The calls that run at one callee. */
export interface Running {
  readonly count: number;
  /** A call begins; the answer ends it, once. */
  begin(method: string): () => void;
  of(method: string): number;
  /** Of those services that have any. */
  byService(): Record<string, number>;
}

/** @param onEnded told after each call that has ended */
export function createRunning(onEnded: () => void): Running {
  // Bounded by the calls that run.
  const countByMethod = new Map<string, number>();
  let count = 0;

  function add(method: string, change: 1 | -1): void {
    count += change;
    const left = (countByMethod.get(method) ?? 0) + change;
    if (left > 0) countByMethod.set(method, left);
    else countByMethod.delete(method);
  }

  return {
    get count() {
      return count;
    },
    begin(method) {
      add(method, 1);
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        add(method, -1);
        onEnded();
      };
    },
    of: (method) => countByMethod.get(method) ?? 0,
    byService() {
      // A name may be any word, `constructor` too.
      const counts = new Map<string, number>();
      for (const [method, calls] of countByMethod) {
        const service = serviceOf(method);
        counts.set(service, (counts.get(service) ?? 0) + calls);
      }
      return Object.fromEntries(counts);
    },
  };
}
