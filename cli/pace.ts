import { formatSpan } from './age.ts';

/** What a queue took in and got done within a span of time. */
export interface Pace {
  readonly spanMs: number;
  readonly enqueued: number;
  /** Whatever their ends were: what was cancelled waits no longer either. */
  readonly settled: number;
}

/** Beyond this nobody plans: the backlog stands still. */
const MAX_CLEARS_MS = 365 * 86_400_000;

/**
 * In how many milliseconds `backlog` tasks are done if all goes on as it did; 0 where there are none, null where it does not
 * shrink (or so slowly that it takes over a year).
 */
export function clearsInMs(backlog: number, { spanMs, enqueued, settled }: Pace): number | null {
  if (backlog === 0) return 0;
  const ms = Math.round((backlog * spanMs) / (settled - enqueued));
  return ms > 0 && ms <= MAX_CLEARS_MS ? ms : null;
}

/** `3,000 enqueued and 4,200 settled in the last 1m`, and what comes of that. */
export function describePace(backlog: number, pace: Pace): readonly [pace: string, clears: string] {
  const { spanMs, enqueued, settled } = pace;
  return [
    `${enqueued} enqueued and ${settled} settled in the last ${formatSpan(spanMs)}`,
    describeClearing(backlog, pace),
  ];
}

function describeClearing(backlog: number, pace: Pace): string {
  if (backlog === 0) return '';
  const ms = clearsInMs(backlog, pace);
  if (ms !== null) return `in about ${ms < 1_000 ? '1s' : formatSpan(ms)}, if all goes on like this`;
  const grown = pace.enqueued - pace.settled;
  if (grown > 0) return `not: it grew by ${grown} in the last ${formatSpan(pace.spanMs)}`;
  if (pace.settled === 0) return 'not: nothing was settled';
  return grown === 0 ? 'not: as much comes as is settled' : 'in more than a year, if all goes on like this';
}
