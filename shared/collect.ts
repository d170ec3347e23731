import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes that a collection has to promise to free, and the pause after one, in parts of the time that it took. */
const WORTH_BYTES = 48 << 20;
const PAUSE_FACTOR = 1;

export interface Collector {
  /**
   * Notes that so much was received or answered while much is held, and collects now and then. What was let go of is
   * free only once V8 has collected it, which waits for three times what lived: too late while others fill the memory.
   */
  pass(bytes: number): void;
}

let collect: (() => void) | undefined;

/** The function that collects, which V8 gives to those who ask for it by a flag. */
function findCollect(): () => void {
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
  }
  return collect;
}

export function createCollector(monotonic: () => number): Collector {
  let passed = 0;
  let notBefore = Number.NEGATIVE_INFINITY;

  return {
    pass(bytes) {
      passed += bytes;
      const now = monotonic();
      if (passed < WORTH_BYTES || now < notBefore) return;
      passed = 0;
      findCollect()();
      const end = monotonic();
      notBefore = end + PAUSE_FACTOR * (end - now);
    },
  };
}
