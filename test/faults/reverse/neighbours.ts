import { setTimeout as sleep } from 'node:timers/promises';
import { type Spread, spreadOf } from '../../../bench/statistics.ts';
import type { ServerProcess } from '../../scene/process.ts';
import { type Gauge, readGauge } from '../weight.ts';

/** What small calls beside something are like, without it and with it, in turns. */
export interface Comparison {
  /** Milliseconds of a call. */
  readonly without: Spread;
  readonly beside: Spread;
  /** The same of each round by itself. */
  readonly rounds: readonly { readonly without: Spread; readonly beside: Spread }[];
  /** The most that the server held more with it, in bytes, after a collection. */
  readonly heldBytes: number;
}

export interface CompareOptions {
  readonly server: ServerProcess;
  readonly rounds: number;
  /** Of each look. */
  readonly windowMs: number;
  /** One small call. */
  readonly call: () => Promise<unknown>;
  /** Lets it happen; answers how it ends. */
  readonly begin: () => Promise<() => Promise<void>>;
}

/** Calls that are open at a time, and between two of each. */
const CALLERS = 4;
const PAUSE_MS = 4;

async function measure({ call, windowMs }: CompareOptions): Promise<readonly number[]> {
  const latencies: number[] = [];
  const until = performance.now() + windowMs;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (performance.now() < until) {
        const from = performance.now();
        await call();
        latencies.push(performance.now() - from);
        await sleep(PAUSE_MS);
      }
    }),
  );
  return latencies;
}

export async function compare(options: CompareOptions): Promise<Comparison> {
  const without: (readonly number[])[] = [];
  const beside: (readonly number[])[] = [];
  let heldBytes = 0;
  // What is compiled and connected first.
  await measure(options);
  for (let round = 0; round < options.rounds; round++) {
    without.push(await measure(options));
    const before: Gauge = await readGauge(options.server);
    const end = await options.begin();
    beside.push(await measure(options));
    heldBytes = Math.max(heldBytes, (await readGauge(options.server)).heap - before.heap);
    await end();
  }
  const rounds = without.map((one, at) => ({ without: spreadOf(one), beside: spreadOf(beside[at]!) }));
  return { without: spreadOf(without.flat()), beside: spreadOf(beside.flat()), rounds, heldBytes };
}

export function describeComparison(what: string, { without, beside, heldBytes }: Comparison): string {
  const tell = ({ p50, p99, count }: Spread): string => `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms (${count})`;
  const held = `the server held ${(heldBytes / 2 ** 20).toFixed(1)} MiB more`;
  return `    ${what}: without ${tell(without)}; with ${tell(beside)}; ${held}`;
}
