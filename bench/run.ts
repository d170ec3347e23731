import type { Figures } from './figure.ts';
import { Rig, type RigOptions } from './rig.ts';
import type { Outcome, Scenario } from './scenario.ts';
import { median } from './statistics.ts';
import type { StartOptions, System } from './system.ts';

/** One run of one scenario on one system: a line of results.jsonl. */
export interface RunRecord {
  readonly scenario: string;
  readonly system: string;
  readonly round: number;
  readonly concurrency: number;
  readonly figures: Figures;
  readonly checks: Outcome['checks'];
  /** The server's version and settings, as read back from it. */
  readonly note?: string;
  /** Why there are no figures. */
  readonly error?: string;
}

export interface RoundsOptions {
  readonly systems: readonly System[];
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly tasks: number;
  readonly seconds: number;
  readonly folder: string;
  readonly concurrencyOf: (system: System) => number;
  /** What the servers of a system are started with. */
  readonly startOf?: (system: System) => Omit<StartOptions, 'folder'>;
  readonly onRecord: (record: RunRecord) => void;
}

/** Why this scenario says nothing about this system; undefined: it does. */
export function refuseScenario(scenario: Scenario, system: System): string | undefined {
  if (scenario.systems && !scenario.systems.includes(system.name)) return `only for ${scenario.systems.join(', ')}`;
  const missing = scenario.missing?.();
  if (missing !== undefined) return missing;
  const { needs = ['tasks'] } = scenario;
  const absent = needs.find((ability) => !system.abilities.includes(ability));
  return absent === undefined ? undefined : `${system.name} cannot: ${absent}`;
}

/** Runs one scenario on a server of its own. A failure is in the record. */
export async function runScenario(scenario: Scenario, round: number, options: RigOptions): Promise<RunRecord> {
  const { system, concurrency } = options;
  const name = { scenario: scenario.name, system: system.name, round, concurrency };
  try {
    const rig = await Rig.start({ ...options, start: { ...options.start, ...scenario.start?.() } });
    try {
      const { note } = rig.server;
      return { ...name, ...(note === undefined ? {} : { note }), ...(await scenario.run(rig)) };
    } finally {
      await rig.end();
    }
  } catch (error) {
    return { ...name, figures: {}, checks: {}, error: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Every system once per round, the next round beginning with the next system, so that what the machine does meanwhile
 * meets all of them.
 */
export async function runRounds(options: RoundsOptions): Promise<RunRecord[]> {
  const { systems, scenarios } = options;
  const records: RunRecord[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    const first = (round - 1) % systems.length;
    for (const scenario of scenarios) {
      for (const system of [...systems.slice(first), ...systems.slice(0, first)]) {
        if (refuseScenario(scenario, system) !== undefined) continue;
        const rates = records
          .filter((past) => past.system === system.name && past.scenario === 'combined' && past.error === undefined)
          .map((past) => past.figures.rate!);
        const record = await runScenario(scenario, round, {
          system,
          concurrency: options.concurrencyOf(system),
          load: { tasks: options.tasks, forMs: options.seconds * 1_000 },
          folder: options.folder,
          start: options.startOf?.(system) ?? {},
          capacity: rates.length > 0 ? median(rates) : null,
        });
        records.push(record);
        options.onRecord(record);
      }
    }
  }
  return records;
}
