import type { RunRecord } from './run.ts';

/** Progress, on stderr. */
export function log(line: string): void {
  console.error(line);
}

export function logRecord({ scenario, system, round, figures, error }: RunRecord): void {
  const values = Object.entries(figures).map(([key, value]) => `${key} ${Number(value.toPrecision(4))}`);
  log(`round ${round}  ${scenario}  ${system}  ${error === undefined ? values.join('  ') : `FAILED: ${error}`}`);
}
