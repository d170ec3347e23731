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

/** Figures of one system over those of another in the same round, by the figure's key. */
export function ratiosOf(records: readonly RunRecord[], scenario: string, system: string, over: string, key: string) {
  const valueByRound = (name: string): Map<number, number | undefined> =>
    new Map(
      records
        .filter((record) => record.scenario === scenario && record.system === name)
        .map(({ round, figures }) => [round, figures[key]]),
    );
  const below = valueByRound(over);
  return [...valueByRound(system)].map(([round, value]) => value! / below.get(round)!).filter(Number.isFinite);
}

/** A line for each system beside the yardstick. */
function renderRatios(
  records: readonly RunRecord[],
  scenario: Scenario,
  over: string,
  names: readonly string[],
): string {
  const lines = names
    .filter((name) => name !== over)
    .flatMap((name) => {
      const parts = scenario.figures.flatMap(({ key, label }) => {
        const ratios = ratiosOf(records, scenario.name, name, over, key);
        return ratios.length === 0 ? [] : [`${label} ${formatFigure(ratios)}`];
      });
      return parts.length === 0 ? [] : [`${name} in × of ${over}, round by round: ${parts.join('; ')}.\n`];
    });
  return lines.join('');
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
    const ratios =
      scenario.yardstick === undefined ? '' : `\n${renderRatios(own, scenario, scenario.yardstick, names)}`;
    return `## ${scenario.name}\n\n${scenario.about}\n\n${lines.join('\n')}\n${ratios}`;
  });
  return parts.filter((part) => part !== '').join('\n');
}
