import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CheckOptions } from './check/check.ts';
import type { Scenario } from './scenario.ts';
import { findScenario, SCENARIOS } from './scenarios/index.ts';
import type { System } from './system.ts';
import { findSystem, SYSTEMS } from './systems/index.ts';

export interface BenchOptions {
  readonly systems: readonly System[];
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly tasks: number;
  readonly seconds: number;
  /** Folder of the JSON lines and the report. */
  readonly out: string;
  /** The worker's concurrency for every system; null: swept once, the best kept. */
  readonly concurrency: number | null;
  /** Runs the regression guard instead of the scenarios. */
  readonly check: CheckOptions | null;
}

const BASELINE = join(import.meta.dirname, 'baseline.json');
const ROUNDS = '5';
const CHECK_ROUNDS = '7';
const UPDATE_ROUNDS = '14';

export const USAGE = `npm run bench -- [OPTIONS]

  --systems A,B      of: ${SYSTEMS.map(({ name }) => name).join(', ')} (default: all of
                     these that can run here, but contact-token and what follows it)
  --scenarios A,B    of: ${SCENARIOS.map(({ name }) => name).join(', ')} (default: all)
  --rounds N         interleaved: every system once per round (default ${ROUNDS})
  --tasks N          of a load, at most (default 200000)
  --seconds N        of a load, at most (default 10)
  --concurrency N    of the workers, instead of the sweep
  --out DIR          for results.jsonl, table.md and report.html (default bench/out)
  --check            compares contact with the raw control, and that with bench/baseline.json; under 5 minutes
  --update           keeps what --check measures as the new baseline
  --baseline FILE    another one
  --slower PERCENT   makes contact's server so much slower, to see --check fail
  --help`;

/** Throws with one line when an argument is wrong; null: help was asked for. */
export function parseOptions(args: readonly string[]): BenchOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      systems: { type: 'string' },
      scenarios: { type: 'string' },
      rounds: { type: 'string' },
      tasks: { type: 'string', default: '200000' },
      seconds: { type: 'string', default: '10' },
      concurrency: { type: 'string' },
      out: { type: 'string', default: 'bench/out' },
      check: { type: 'boolean', default: false },
      update: { type: 'boolean', default: false },
      baseline: { type: 'string', default: BASELINE },
      slower: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const wanted = values.scenarios?.split(',').map(findScenario);
  return {
    systems: values.systems?.split(',').map(findSystem) ?? SYSTEMS.filter(({ isByName }) => !isByName),
    // In their own order, since some need what others measured.
    scenarios: wanted ? SCENARIOS.filter((scenario) => wanted.includes(scenario)) : SCENARIOS,
    rounds: parseCount('rounds', values.rounds ?? ROUNDS),
    tasks: parseCount('tasks', values.tasks),
    seconds: parseCount('seconds', values.seconds),
    out: values.out,
    concurrency: values.concurrency === undefined ? null : parseCount('concurrency', values.concurrency),
    check: values.check
      ? {
          rounds: parseCount('rounds', values.rounds ?? (values.update ? UPDATE_ROUNDS : CHECK_ROUNDS)),
          baseline: values.baseline,
          isUpdate: values.update,
          slower: Number(values.slower) / 100,
          out: values.out,
        }
      : null,
  };
}

function parseCount(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name}: expected an integer >= 1, got \`${text}\``);
  return value;
}
