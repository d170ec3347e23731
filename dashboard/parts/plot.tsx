import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatInstant } from '../format.ts';
import { isDark } from '../theme.ts';

/** One line of a plot; null: a gap. */
export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** A colour of the style. */
  readonly color: '--accent' | '--bad' | '--good' | '--quiet';
}

interface PlotProps {
  readonly title: string;
  readonly startAt: string;
  readonly stepMs: number;
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
}

const HEIGHT = 132;

/** Lines over time, from 0 up; their values are told below, those of the newest step unless another is pointed at. */
export function Plot({ title, startAt, stepMs, lines, format }: PlotProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const [pointed, setPointed] = useState<number>();
  const dark = isDark();
  const steps = lines[0]?.values.length ?? 0;
  const start = Date.parse(startAt);
  const data = [
    Array.from({ length: steps }, (_, place) => (start + (place + 1) * stepMs) / 1_000),
    ...lines.map(({ values }) => values),
  ] as uPlot.AlignedData;
  const names = lines.map(({ name }) => name).join();
  // The colours are read out of the style, so another theme is another plot.
  useEffect(() => {
    const element = frame.current!;
    const made = new uPlot(describe(lines, element.clientWidth, format, setPointed), data, element);
    plot.current = made;
    const resizing = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resizing.observe(element);
    return () => {
      resizing.disconnect();
      made.destroy();
    };
  }, [dark, names]);
  useEffect(() => plot.current?.setData(data), [startAt, lines]);
  const shown = pointed ?? steps - 1;
  const told = lines.map(({ name, values }) => `${name} ${tell(values[shown], format)}`).join(', ');
  return (
    <figure class="plot">
      <figcaption>{title}</figcaption>
      <div ref={frame} class="lines" role="img" aria-label={`${title}, the last hour. Newest: ${told}`} />
      <ul class="legend" aria-hidden="true">
        {lines.map(({ name, values, color }) => (
          <li key={name}>
            <i class="swatch" style={{ background: `var(${color})` }} />
            {name} <strong>{tell(values[shown], format)}</strong>
          </li>
        ))}
        {pointed !== undefined && (
          <li>{formatInstant(new Date(start + (pointed + 1) * stepMs).toISOString()).slice(11, 19)}</li>
        )}
      </ul>
    </figure>
  );
}

const tell = (value: number | null | undefined, format: PlotProps['format']): string =>
  value === null || value === undefined ? '–' : format(value);

function describe(
  lines: readonly Line[],
  width: number,
  format: PlotProps['format'],
  onPoint: (place: number | undefined) => void,
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colorOf = (name: string): string => style.getPropertyValue(name).trim();
  const font = `11px ${colorOf('--font')}`;
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    padding: [8, 16, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      {
        stroke: colorOf('--quiet'),
        font,
        size: 24,
        space: 64,
        grid: { show: false },
        ticks: { show: false },
        values: (_plot, values) => values.map((at) => formatInstant(new Date(1_000 * at).toISOString()).slice(11, 16)),
      },
      {
        stroke: colorOf('--quiet'),
        font,
        size: 52,
        space: 28,
        grid: { stroke: colorOf('--line'), width: 1 },
        ticks: { show: false },
        values: (_plot, values) => values.map(format),
      },
    ],
    series: [
      {},
      ...lines.map(({ name, color }) => ({ label: name, stroke: colorOf(color), width: 1.5, points: { show: false } })),
    ],
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? undefined)] },
  };
}
