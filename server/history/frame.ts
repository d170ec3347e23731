import { COLUMN, COLUMNS, quantileOf } from './columns.ts';
import { type Ring, rowOf } from './ring.ts';
import { KEPT_STEPS, type Timeline } from './timeline.ts';

/** Which of the hour is wanted, and how finely. */
export interface FrameQuery {
  /** An instant of the first step; what is older than is kept is left out. */
  readonly since: number;
  /** A multiple of the server's own step. */
  readonly stepMs: number;
}

/** The steps of an answer, the oldest first: each is one of the timeline, or several together. */
export interface Frame {
  /** When the first begins. */
  readonly startAt: number;
  readonly stepMs: number;
  /** For each, for how many milliseconds somebody has counted; 0: a gap. */
  readonly coveredMs: readonly number[];
  /** For each, those of the timeline that it has and that are no gap. */
  readonly parts: readonly (readonly number[])[];
}

export function frameOf(timeline: Timeline, { since, stepMs }: FrameQuery): Frame {
  const size = stepMs / timeline.stepMs;
  const oldest = Math.max(timeline.newest - KEPT_STEPS + 1, Math.floor(since / timeline.stepMs));
  const [first, last] = [Math.floor(oldest / size), Math.floor(timeline.newest / size)];
  const parts = Array.from({ length: Math.max(0, last - first + 1) }, (_, at) =>
    Array.from({ length: size }, (_, part) => (first + at) * size + part).filter(
      (step) => step >= oldest && step <= timeline.newest && timeline.coveredOf(step) > 0,
    ),
  );
  const coveredMs = parts.map((steps) => Math.round(steps.reduce((sum, step) => sum + timeline.coveredOf(step), 0)));
  return { startAt: first * stepMs, stepMs, coveredMs, parts };
}

/** Of durations, those that so many of a hundred stayed within; null: of none it is known. */
export interface Latency {
  readonly p50Ms: readonly (number | null)[];
  readonly p95Ms: readonly (number | null)[];
  readonly p99Ms: readonly (number | null)[];
}

/** What a queue did and how it stood, a value for each step of a frame. */
export interface RingView {
  /** The first step of the frame from which all of the queue is told; there may be none such in it. */
  readonly knownFrom: number;
  readonly enqueued: readonly number[];
  readonly claimed: readonly number[];
  readonly succeeded: readonly number[];
  readonly failed: readonly number[];
  readonly cancelled: readonly number[];
  readonly expired: readonly number[];
  readonly ready: readonly number[];
  readonly scheduled: readonly number[];
  readonly running: readonly number[];
  readonly oldestReadyMs: readonly number[];
  readonly wait: Latency;
  readonly run: Latency;
}

export function readRing(ring: Ring, { parts, startAt, stepMs }: Frame, ownStepMs: number): RingView {
  const size = stepMs / ownStepMs;
  const knownFrom = Math.max(0, Math.min(parts.length, Math.ceil(ring.from / size - startAt / stepMs)));
  const rows = parts.map((steps, at) => joinRows(ring, at < knownFrom ? [] : steps));
  const column = (at: number): number[] => rows.map((row) => row[at]!);
  const latency = (first: number): Latency => {
    const at = (share: number): (number | null)[] => rows.map((row) => quantileOf(row, first, share));
    return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
  };
  return {
    knownFrom,
    enqueued: column(COLUMN.enqueued),
    claimed: column(COLUMN.claimed),
    succeeded: column(COLUMN.succeeded),
    failed: column(COLUMN.failed),
    cancelled: column(COLUMN.cancelled),
    expired: column(COLUMN.expired),
    ready: column(COLUMN.ready),
    scheduled: column(COLUMN.scheduled),
    running: column(COLUMN.running),
    oldestReadyMs: column(COLUMN.oldestReadyMs),
    wait: latency(COLUMN.wait),
    run: latency(COLUMN.run),
  };
}

/** Several steps as one: what happened in all of them, and how it stood at the end of the last. */
function joinRows(ring: Ring, steps: readonly number[]): Float64Array {
  const joined = new Float64Array(COLUMNS);
  for (const step of steps) {
    const row = rowOf(ring, step);
    for (let at = 0; at < COLUMNS; at += 1) {
      const isStanding = at >= COLUMN.ready && at <= COLUMN.oldestReadyMs;
      joined[at] = isStanding ? row[at]! : joined[at]! + row[at]!;
    }
  }
  return joined;
}
