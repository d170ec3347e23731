import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What a collection finds less than the one before is noise. */
const NOISE_BYTES = 200_000;
const MAX_ROUNDS = 10;

function collected(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Bytes in use by this process, objects and buffers, once collections free no more: buffers go some time later. */
export async function measureMemory(): Promise<number> {
  let least = collected();
  for (let round = 1; round < MAX_ROUNDS; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    const bytes = collected();
    if (bytes > least - NOISE_BYTES) return Math.min(bytes, least);
    least = bytes;
  }
  return least;
}
