import type { RunRecord } from '../run.ts';
import { median } from '../statistics.ts';

/** A figure whose ratio, contact's by the control's, is watched. */
export interface Guard {
  readonly scenario: string;
  readonly figure: string;
  readonly better: 'higher' | 'lower';
  /** How much worse than the baseline is still noise: 0.1 is a tenth. */
  readonly tolerance: number;
}

/**
 * CPU time of the server alone is what moves most when the server is slower and least when the machine is busy; rates
 * are there for what costs time and no CPU.
 */
export const GUARDS: readonly Guard[] = [
  { scenario: 'combined', figure: 'serverCpu', better: 'lower', tolerance: 0.1 },
  { scenario: 'combined', figure: 'cpu', better: 'lower', tolerance: 0.1 },
  { scenario: 'combined', figure: 'rate', better: 'higher', tolerance: 0.25 },
  { scenario: 'enqueue-batch', figure: 'serverCpu', better: 'lower', tolerance: 0.12 },
  { scenario: 'enqueue-one', figure: 'serverCpu', better: 'lower', tolerance: 0.12 },
];

/** Median ratios by `scenario.figure`. */
export type Ratios = Readonly<Record<string, number>>;

export function nameOf({ scenario, figure }: Guard): string {
  return `${scenario}.${figure}`;
}

/** The ratios of a guard's figure, one per round in which both systems have one. */
export function ratiosOf(records: readonly RunRecord[], guard: Guard): number[] {
  const ofSystem = (system: string): Map<number, number> =>
    new Map(
      records
        .filter((record) => record.scenario === guard.scenario && record.system === system)
        .flatMap(({ round, figures }) => {
          const value = figures[guard.figure];
          return value === undefined ? [] : [[round, value] as const];
        }),
    );
  const yardstick = ofSystem('raw-sqlite');
  return [...ofSystem('contact')].flatMap(([round, value]) => {
    const other = yardstick.get(round);
    return other === undefined || other === 0 ? [] : [value / other];
  });
}

export function summarize(records: readonly RunRecord[]): Ratios {
  return Object.fromEntries(GUARDS.map((guard) => [nameOf(guard), median(ratiosOf(records, guard))]));
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
    const [was, is] = [baseline[nameOf(guard)] ?? Number.NaN, measured[nameOf(guard)] ?? Number.NaN];
    const worse = guard.better === 'lower' ? is / was - 1 : was / is - 1;
    return { guard, baseline: was, ratio: is, worse, isOk: worse <= guard.tolerance };
  });
}
