import type { Scenario } from '../scenario.ts';
import { combined } from './combined.ts';
import { drain } from './drain.ts';
import { enqueueBatch, enqueueOne } from './enqueue.ts';
import { pickup, pickupHalf, roundTrip } from './pickup.ts';

/** In the order in which they run: `combined` before what needs its rate. */
export const SCENARIOS: readonly Scenario[] = [
  combined,
  enqueueOne,
  enqueueBatch,
  drain,
  pickup,
  roundTrip,
  pickupHalf,
];

/** Throws: there is none of that name. */
export function findScenario(name: string): Scenario {
  const found = SCENARIOS.find((scenario) => scenario.name === name);
  if (!found) throw new Error(`no scenario \`${name}\`; there are: ${SCENARIOS.map((known) => known.name).join(', ')}`);
  return found;
}
