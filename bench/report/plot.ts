import type { Figure } from '../figure.ts';
import type { RunRecord } from '../run.ts';
import { median, range } from '../statistics.ts';
import { formatFigure, formatNumber, valuesOf } from './table.ts';

const WIDTH = 900;
const LEFT = 150;
const RIGHT = 190;
const ROW = 22;
const TOP = 4;
const TICKS = 4;

export interface PlotRow {
  readonly name: string;
  /** A class of the style sheet. */
  readonly kind: string;
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** The round number at or above `value` that an axis may end with. */
export function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= value * (1 - 1e-9))!;
}

/** One figure of one scenario as SVG: a row for each system, a dot for each round, a bar up to the median. */
export function renderPlot(
  records: readonly RunRecord[],
  scenario: string,
  figure: Figure,
  rows: readonly PlotRow[],
): string {
  const all = rows.flatMap(({ name }) => valuesOf(records, scenario, name, figure.key));
  if (all.length === 0) return '';
  const end = roundUp(range(all)[1]);
  const at = (value: number): string => (LEFT + (value / end) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const height = TOP + rows.length * ROW + ROW;
  const parts: string[] = [];
  for (let tick = 0; tick <= TICKS; tick += 1) {
    const value = (end * tick) / TICKS;
    parts.push(
      `<line class="grid" x1="${at(value)}" x2="${at(value)}" y1="${TOP}" y2="${height - ROW}"/>`,
      `<text class="tick" x="${at(value)}" y="${height - 6}">${formatNumber(value)}</text>`,
    );
  }
  for (const [place, { name, kind }] of rows.entries()) {
    const values = valuesOf(records, scenario, name, figure.key);
    const y = TOP + place * ROW + ROW / 2;
    parts.push(`<text class="name" x="${LEFT - 8}" y="${y + 4}">${escapeHtml(name)}</text>`);
    if (values.length === 0) continue;
    const middle = Number(at(median(values)));
    parts.push(
      `<rect class="${kind}" x="${LEFT}" y="${y - 6}" width="${(middle - LEFT).toFixed(1)}" height="12"/>`,
      ...values.map((value) => `<circle class="${kind}" cx="${at(value)}" cy="${y}" r="3"/>`),
      `<text x="${WIDTH - RIGHT + 10}" y="${y + 4}">${escapeHtml(formatFigure(values))}</text>`,
    );
  }
  const title = `${figure.label}${figure.unit === '' ? '' : `, ${figure.unit}`} (${figure.better} is better)`;
  return `<figure><figcaption>${escapeHtml(title)}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(title)}">${parts.join('')}</svg></figure>`;
}
