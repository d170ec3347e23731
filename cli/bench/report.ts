import { renderTable } from '../table.ts';
import type { Figures } from './tally.ts';

/** Everything that a bench tells, as one JSON object; what was not measured is left out of it. */
export interface BenchReport extends Figures {
  readonly queue: string;
  readonly payloadBytes: number;
  readonly acknowledgedPerSecond: number;
  readonly succeededPerSecond: number;
}

export function createReport(queue: string, payloadBytes: number, figures: Figures): BenchReport {
  const { acknowledged, succeeded, enqueueMs, durationMs } = figures;
  return {
    queue,
    payloadBytes,
    ...figures,
    acknowledgedPerSecond: rate(acknowledged, enqueueMs),
    succeededPerSecond: rate(succeeded, durationMs),
  };
}

function rate(count: number, ms: number): number {
  return ms > 0 ? Math.round((count * 1_000) / ms) : 0;
}

const HEADINGS = ['', 'tasks#', 'per second#', 'p50 ms#', 'p99 ms#', 'max ms#'];

export function renderReport(report: BenchReport, isTerminal: boolean): string {
  const { acknowledged, succeeded, acknowledgedPerSecond, succeededPerSecond } = report;
  const rows = [
    ['acknowledged', String(acknowledged), String(acknowledgedPerSecond), ...describeSpread(report.acknowledgeMs)],
    ['picked up', '', '', ...describeSpread(report.pickUpMs)],
    ['round trip', String(succeeded), String(succeededPerSecond), ...describeSpread(report.roundTripMs)],
    ['failed', String(report.failed)],
    ['lost', String(report.lost)],
  ];
  return renderTable(HEADINGS, rows, isTerminal);
}

function describeSpread({ p50, p99, max }: BenchReport['acknowledgeMs']): string[] {
  return [p50, p99, max].map((ms) => ms?.toFixed(2) ?? '');
}
