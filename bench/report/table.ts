import type { Figure } from '../figure.ts';
import type { RunRecord } from '../run.ts';
import type { Scenario } from '../scenario.ts';
import { median, range } from '../statistics.ts';

/** Three digits that count; whole above a hundred. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toPrecision(3);
}

/** `median [smallest-largest]` of one figure over the rounds. */
export function formatFigure(values: readonly number[]): string {
  if (values.length === 0) return '-';
  const [least, most] = range(values);
  const middle = formatNumber(median(values));
  return values.length === 1 ? middle : `${middle} [${formatNumber(least)}-${formatNumber(most)}]`;
}

export function valuesOf(records: readonly RunRecord[], scenario: string, system: string, key: string): number[] {
  return records
    .filter((record) => record.scenario === scenario && record.system === system)
    .map((record) => record.figures[key])
    .filter((value) => value !== undefined);
}

function headingOf({ label, unit }: Figure): string {
  return unit === '' ? label : `${label}, ${unit}`;
}

/** One table per scenario, Markdown. */
export function renderTables(records: readonly RunRecord[], scenarios: readonly Scenario[]): string {
  const parts = scenarios.map((scenario) => {
    const own = records.filter((record) => record.scenario === scenario.name);
    if (own.length === 0) return '';
    const names = [...new Set(own.map(({ system }) => system))];
    const key = scenario.figures[0]!;
    const sign = key.better === 'higher' ? -1 : 1;
    const order = (name: string): number => {
      const middle = median(valuesOf(own, scenario.name, name, key.key));
      return Number.isNaN(middle) ? Number.POSITIVE_INFINITY : sign * middle;
    };
    names.sort((a, b) => order(a) - order(b));
    const head = ['system', 'rounds', ...scenario.figures.map(headingOf)];
    const rows = names.map((name) => {
      const runs = own.filter((record) => record.system === name);
      const cells = scenario.figures.map((figure) => formatFigure(valuesOf(own, scenario.name, name, figure.key)));
      const failures = new Set(runs.flatMap(({ error }) => (error === undefined ? [] : [error])));
      const done = runs.filter(({ error }) => error === undefined).length;
      return [name, failures.size > 0 ? `${done}, FAILED: ${[...failures].join('; ')}` : String(done), ...cells];
    });
    const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
    return `## ${scenario.name}\n\n${scenario.about}\n\n${lines.join('\n')}\n`;
  });
  return parts.filter((part) => part !== '').join('\n');
}
