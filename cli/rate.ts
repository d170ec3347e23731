/** Events a second for a table: whole from 10 on, else with as many digits as show that there were any. */
export function formatRate(rate: number): string {
  if (rate >= 10 || rate === 0) return Math.round(rate).toLocaleString('en');
  return rate >= 0.1 ? rate.toFixed(1) : Number(rate.toPrecision(1)).toString();
}
