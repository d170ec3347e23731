import { runScenario } from './run.ts';
import { combined } from './scenarios/combined.ts';
import type { System } from './system.ts';

const SWEEP_TASKS = 30_000;
const SWEEP_MS = 2_000;

/** The concurrency at which a system is fastest in a short `combined`; for a system with one, that one. */
export async function sweepConcurrency(system: System, folder: string, log: (line: string) => void): Promise<number> {
  let best = { concurrency: system.concurrencies[0]!, rate: 0 };
  if (system.concurrencies.length === 1) return best.concurrency;
  const seen: string[] = [];
  for (const concurrency of system.concurrencies) {
    const load = { tasks: SWEEP_TASKS, forMs: SWEEP_MS };
    const { figures, error } = await runScenario(combined, 0, { system, concurrency, load, folder, capacity: null });
    const rate = figures.rate ?? 0;
    seen.push(`${concurrency}: ${error ?? Math.round(rate)}`);
    if (rate > best.rate) best = { concurrency, rate };
  }
  log(`${system.name}: concurrency ${best.concurrency} (${seen.join(', ')} tasks/s)`);
  return best.concurrency;
}
