import type { RunRecord } from '../run.ts';
import type { Scenario } from '../scenario.ts';
import { median } from '../statistics.ts';
import type { System } from '../system.ts';
import { escapeHtml, type PlotRow, renderPlot } from './plot.ts';
import { valuesOf } from './table.ts';

export interface ReportInput {
  readonly records: readonly RunRecord[];
  readonly scenarios: readonly Scenario[];
  readonly systems: readonly System[];
  /** What it ran on and how, name by name. */
  readonly setting: Readonly<Record<string, string | number | undefined>>;
  /** What was left out, with the reason. */
  readonly skipped: readonly string[];
}

const STYLE = `
:root { color-scheme: light dark; --ink: #222; --soft: #767676; --paper: #fff; --grid: #ddd; }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --soft: #999; --paper: #181818; --grid: #333; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
figure { margin: 1rem 0; } figcaption { color: var(--soft); font-size: 13px; } svg { width: 100%; font-size: 12px; }
svg text { fill: var(--ink); } .tick { text-anchor: middle; fill: var(--soft); } .name { text-anchor: end; } .grid { stroke: var(--grid); }
rect { opacity: .45; } .contact { fill: #d9480f; } .control { fill: #868e96; } .peer { fill: #1c7ed6; }
table { border-collapse: collapse; font-size: 13px; } td, th { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top; }
.failed { color: #e03131; }`;

function renderRows(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`).join('\n');
}

/** The best by the scenario's first figure at the top. */
function sortRows(records: readonly RunRecord[], scenario: Scenario, systems: readonly System[]): PlotRow[] {
  const first = scenario.figures[0]!;
  const present = systems.filter(({ name }) =>
    records.some((record) => record.scenario === scenario.name && record.system === name),
  );
  const sign = first.better === 'higher' ? -1 : 1;
  const orderOf = ({ name }: System): number => {
    const values = valuesOf(records, scenario.name, name, first.key);
    return values.length === 0 ? Number.MAX_VALUE : sign * median(values);
  };
  return present.toSorted((a, b) => orderOf(a) - orderOf(b)).map(({ name, kind }) => ({ name, kind }));
}

function renderScenario({ records, systems }: ReportInput, scenario: Scenario): string {
  const rows = sortRows(records, scenario, systems);
  if (rows.length === 0) return '';
  const plots = scenario.figures.map((figure) => renderPlot(records, scenario.name, figure, rows));
  const failures = records
    .filter((record) => record.scenario === scenario.name && record.error !== undefined)
    .map(({ system, round, error }) => `<li class="failed">${escapeHtml(`${system}, round ${round}: ${error}`)}</li>`);
  return `<h2>${scenario.name}</h2>
<p>${escapeHtml(scenario.about)}</p>
${failures.length > 0 ? `<ul>${failures.join('')}</ul>` : ''}${plots.join('\n')}`;
}

/** The whole report as one page that needs nothing else: no script, no network. */
export function renderHtml(input: ReportInput): string {
  const { records, systems } = input;
  const settings = systems.map(({ name, settings }) => {
    const record = records.find(({ system }) => system === name);
    return [name, settings, record?.note ?? '', record ? `concurrency ${record.concurrency}` : ''];
  });
  const setting = Object.entries(input.setting).map(([name, value]) => [name, String(value)]);
  const skipped = input.skipped.map((line) => `<li>${escapeHtml(line)}</li>`).join('');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>contact: benchmark</title><style>${STYLE}</style></head><body>
<h1>contact: benchmark</h1>
<p>A dot is a round, a bar ends at the median; the numbers are the median and the range. Rounds are interleaved, and
only ratios within one run mean anything.</p>
${input.scenarios.map((scenario) => renderScenario(input, scenario)).join('\n')}
<h2>Systems</h2><table>${renderRows(settings)}</table>
${skipped === '' ? '' : `<h2>Left out</h2><ul>${skipped}</ul>`}
<h2>Setting</h2><table>${renderRows(setting)}</table>
</body></html>
`;
}
