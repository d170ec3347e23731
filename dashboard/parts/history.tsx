import { useMemo } from 'preact/hooks';
import { readHistory } from '../api.ts';
import { formatCount, formatDuration, formatRate } from '../format.ts';
import { usePolled } from '../poll.ts';
import type { History } from '../shapes.ts';
import { Trouble } from './notice.tsx';
import { type Line, Plot } from './plot.tsx';

/** As often as the server ends a step. */
const EVERY_MS = 10_000;
const STEP_MS = 30_000;
/** Of a server that has just begun, so many steps are drawn. */
const MIN_STEPS = 20;

/** The last hour of a queue, or of all together: how much came and went, how long that took, and what waits. */
export function Hour({ queue }: { readonly queue?: string }) {
  const { data, error } = usePolled(
    `history ${queue ?? ''}`,
    (signal) => readHistory(queue, STEP_MS, signal),
    EVERY_MS,
  );
  const drawn = useMemo(() => data && draw(data), [data]);
  // Who may not see all queues has no history of all together.
  if (error?.code === 'PERMISSION_DENIED') return null;
  if (!drawn) return <Trouble error={error} />;
  const { startAt, stepMs, plots } = drawn;
  return (
    <div class="plots">
      <Plot title="Tasks a second" {...{ startAt, stepMs }} lines={plots.rates} format={formatRate} />
      <Plot title="Time, 95 of 100 within" {...{ startAt, stepMs }} lines={plots.times} format={formatDuration} />
      <Plot title="Tasks there are" {...{ startAt, stepMs }} lines={plots.backlog} format={formatCount} />
    </div>
  );
}

function draw({ coveredMs, startAt, stepMs, ...history }: History) {
  // What was before the server ran is left out, and not drawn as a gap.
  const begun = coveredMs.findIndex((ms) => ms > 0);
  const from = Math.max(0, Math.min(begun < 0 ? coveredMs.length : begun, coveredMs.length - MIN_STEPS));
  const rate = (values: readonly (number | null)[]) =>
    values.map((value, place) => (value === null ? null : (1_000 * value) / coveredMs[place]!));
  const cut = (lines: readonly Line[]): readonly Line[] =>
    lines.map((line) => ({ ...line, values: line.values.slice(from) }));
  const plots = {
    rates: cut([
      { name: 'stored', values: rate(history.enqueued), color: '--quiet' },
      { name: 'succeeded', values: rate(history.succeeded), color: '--accent' },
      { name: 'failed', values: rate(history.failed), color: '--bad' },
    ]),
    times: cut([
      { name: 'until taken', values: history.wait.p95Ms, color: '--quiet' },
      { name: 'of a run', values: history.run.p95Ms, color: '--accent' },
    ]),
    backlog: cut([
      { name: 'ready', values: history.ready, color: '--accent' },
      { name: 'running', values: history.running, color: '--good' },
      { name: 'scheduled', values: history.scheduled, color: '--quiet' },
    ]),
  };
  return { plots, stepMs, startAt: new Date(Date.parse(startAt) + from * stepMs).toISOString() };
}
