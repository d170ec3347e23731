import type { RunRecord } from '../run.ts';

/** A ratio, contact's by the control's, that is watched. */
export interface Guard {
  readonly name: string;
  readonly figure: string;
  /** More than one: the geometric mean of their ratios. */
  readonly scenarios: readonly string[];
  readonly better: 'higher' | 'lower';
  /** How much worse than the baseline is still noise: 0.1 is a tenth. */
  readonly tolerance: number;
}

const SCENARIOS = ['combined', 'enqueue-batch', 'enqueue-one'];

/**
 * CPU time of the server over all scenarios is what moves most when the server is slower and least when the machine is
 * busy. The others are there for what strikes one path, the SDK, or costs time and no CPU: each scatters more alone.
 */
export const GUARDS: readonly Guard[] = [
  { name: 'server CPU', figure: 'serverCpu', scenarios: SCENARIOS, better: 'lower', tolerance: 0.06 },
  ...SCENARIOS.map(
    (scenario): Guard => ({
      name: `server CPU, ${scenario}`,
      figure: 'serverCpu',
      scenarios: [scenario],
      better: 'lower',
      tolerance: 0.25,
    }),
  ),
  { name: 'CPU of all, combined', figure: 'cpu', scenarios: ['combined'], better: 'lower', tolerance: 0.2 },
  { name: 'rate, combined', figure: 'rate', scenarios: ['combined'], better: 'higher', tolerance: 0.4 },
  { name: 'rate, enqueue-batch', figure: 'rate', scenarios: ['enqueue-batch'], better: 'higher', tolerance: 0.4 },
];

/** By the names of the guards. */
export type Ratios = Readonly<Record<string, number>>;

/**
 * The sums over all rounds that both systems have, one by the other: of what was tried, this scatters least; a median
 * of the rounds' ratios scatters by half as much again.
 */
function ratioOf(records: readonly RunRecord[], scenario: string, figure: string): number {
  const valueByRound = (system: string): Map<number, number> =>
    new Map(
      records
        .filter((record) => record.scenario === scenario && record.system === system)
        .flatMap(({ round, figures }) => (figures[figure] === undefined ? [] : [[round, figures[figure]] as const])),
    );
  const yardstick = valueByRound('raw-sqlite');
  let sum = 0;
  let other = 0;
  for (const [round, value] of valueByRound('contact')) {
    if (!yardstick.has(round)) continue;
    sum += value;
    other += yardstick.get(round)!;
  }
  return sum / other;
}

export function measureRatios(records: readonly RunRecord[]): Ratios {
  const entries = GUARDS.map(({ name, figure, scenarios }): [string, number] => {
    const product = scenarios.reduce((before, scenario) => before * ratioOf(records, scenario, figure), 1);
    return [name, product ** (1 / scenarios.length)];
  });
  return Object.fromEntries(entries);
}

export interface Verdict {
  readonly guard: Guard;
  readonly baseline: number;
  readonly ratio: number;
  /** How much worse than the baseline, as a share of it; negative: better. */
  readonly worse: number;
  readonly isOk: boolean;
}

/** A guard without a baseline, or without a ratio, is not ok. */
export function judge(baseline: Ratios, measured: Ratios): Verdict[] {
  return GUARDS.map((guard) => {
    const [was, is] = [baseline[guard.name] ?? Number.NaN, measured[guard.name] ?? Number.NaN];
    const worse = guard.better === 'lower' ? is / was - 1 : was / is - 1;
    return { guard, baseline: was, ratio: is, worse, isOk: worse <= guard.tolerance };
  });
}
