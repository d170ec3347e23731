import type { Scenario } from '../scenario.ts';
import { backlog } from './backlog.ts';
import { combined } from './combined.ts';
import { drain } from './drain.ts';
import { enqueueBatch, enqueueOne } from './enqueue.ts';
import { fanOut } from './fanout.ts';
import { idleOwn, idleShared } from './idle.ts';
import { neighbours } from './neighbours.ts';
import { parts } from './parts.ts';
import { pickup, pickupHalf, roundTrip } from './pickup.ts';
import { reverse, reverse100k, reverseBulk, reversePace, reverseStream } from './reverse.ts';
import { slowDisk } from './slowdisk.ts';
import { payload1m, payload10k, queues, retries } from './variants.ts';

/** In the order in which they run: `combined` before what needs its rate. */
export const SCENARIOS: readonly Scenario[] = [
  combined,
  enqueueOne,
  enqueueBatch,
  drain,
  pickup,
  roundTrip,
  pickupHalf,
  queues,
  retries,
  payload10k,
  payload1m,
  idleShared,
  idleOwn,
  fanOut,
  backlog,
  slowDisk,
  neighbours,
  parts,
  reverse,
  reversePace,
  reverse100k,
  reverseStream,
  reverseBulk,
];

/** Throws: there is none of that name. */
export function findScenario(name: string): Scenario {
  const found = SCENARIOS.find((scenario) => scenario.name === name);
  if (!found) throw new Error(`no scenario \`${name}\`; there are: ${SCENARIOS.map((known) => known.name).join(', ')}`);
  return found;
}
