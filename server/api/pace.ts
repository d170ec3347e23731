/** Answers that are read in one turn of the event loop. */
const PER_TURN = 4;

/**
 * Large answers are read a few in each turn of the event loop. However many are asked for at once, other calls come
 * between, and what was let go of meanwhile is free before more is read. Those that wait are bounded by open calls.
 */
export type Pace = () => Promise<void>;

export function createPace(perTurn = PER_TURN): Pace {
  const waiting: (() => void)[] = [];
  let taken = 0;
  let isCounting = false;

  function next(): void {
    taken = 0;
    const some = waiting.splice(0, perTurn);
    isCounting = some.length > 0;
    if (isCounting) setImmediate(next);
    taken = some.length;
    for (const go of some) go();
  }

  return () => {
    if (!isCounting) {
      isCounting = true;
      setImmediate(next);
    }
    if (waiting.length === 0 && taken < perTurn) {
      taken += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => waiting.push(resolve));
  };
}
