import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What a collection has to promise, and the pause after one, as a part of the time that it took. */
const WORTH_BYTES = 48 << 20;
const PAUSE_FACTOR = 1;

export interface Collector {
  /**
   * So much was received or answered while much is held. What was let go of is memory only once V8 has collected it,
   * which it does when there is three times what lived; while others fill the memory that is too late.
   */
  pass(bytes: number): void;
}

let collect: (() => void) | undefined;

/** As V8 offers it to who asks for it by a flag. */
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
