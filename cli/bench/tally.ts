import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { TaskResult } from '../../client/index.ts';
import { instantMs, readStamp } from './stamp.ts';

/** Milliseconds; empty: there was none. */
export interface Spread {
  readonly p50?: number;
  readonly p99?: number;
  readonly max?: number;
}

export interface Figures {
  readonly acknowledged: number;
  /** Acknowledged and settled with success. */
  readonly succeeded: number;
  readonly failed: number;
  /** Acknowledged, and no result came. */
  readonly lost: number;
  /** Results beyond the first of a task. */
  readonly duplicates: number;
  /** From the first task sent to the last acknowledgement. */
  readonly enqueueMs: number;
  /** From the first task sent to the last result. */
  readonly durationMs: number;
  /** From sending a task to its acknowledgement, to its handler, to its result at an observer. */
  readonly acknowledgeMs: Spread;
  readonly pickUpMs: Spread;
  readonly roundTripMs: Spread;
}

/** Counts what becomes of the tasks of one bench. Bounded: a bit for each task, and histograms. */
export interface Tally {
  readonly acknowledged: number;
  readonly settled: number;
  begin(): void;
  acknowledge(sentAt: number): void;
  settle(result: TaskResult<Uint8Array>): void;
  read(): Figures;
}

const FIGURES = 3;
const LONGEST_US = 3_600_000_000;

export function createTally(): Tally {
  const [acknowledgeUs, pickUpUs, roundTripUs] = [createSpread(), createSpread(), createSpread()];
  let seen = new Uint8Array(1 << 13);
  let beganAt = 0;
  let acknowledgedAt = 0;
  let settledAt = 0;
  let acknowledged = 0;
  let succeeded = 0;
  let failed = 0;
  let duplicates = 0;

  /** Marks a task as succeeded; false: it was marked already. */
  function mark(place: number): boolean {
    const [at, bit] = [place >> 3, 1 << (place & 7)];
    if (at >= seen.length) {
      const longer = new Uint8Array(2 * Math.max(at, seen.length));
      longer.set(seen);
      seen = longer;
    }
    if ((seen[at]! & bit) !== 0) return false;
    seen[at]! |= bit;
    return true;
  }

  return {
    get acknowledged() {
      return acknowledged;
    },
    get settled() {
      return succeeded + failed;
    },
    begin() {
      beganAt = instantMs();
    },
    acknowledge(sentAt) {
      acknowledged += 1;
      acknowledgedAt = instantMs();
      record(acknowledgeUs, acknowledgedAt - sentAt);
    },
    settle(result) {
      settledAt = instantMs();
      if (result.state !== 'succeeded') {
        failed += 1;
        return;
      }
      const { place, sentAt, startedAt } = readStamp(result.bytes);
      if (!mark(place)) {
        duplicates += 1;
        return;
      }
      succeeded += 1;
      record(pickUpUs, startedAt - sentAt);
      record(roundTripUs, settledAt - sentAt);
    },
    read: () => ({
      acknowledged,
      succeeded,
      failed,
      lost: Math.max(0, acknowledged - succeeded - failed),
      duplicates,
      enqueueMs: Math.max(0, acknowledgedAt - beganAt),
      durationMs: Math.max(0, settledAt - beganAt),
      acknowledgeMs: readSpread(acknowledgeUs),
      pickUpMs: readSpread(pickUpUs),
      roundTripMs: readSpread(roundTripUs),
    }),
  };
}

function createSpread(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: LONGEST_US, figures: FIGURES });
}

function record(spread: RecordableHistogram, ms: number): void {
  spread.record(Math.min(LONGEST_US, Math.max(1, Math.round(ms * 1_000))));
}

function readSpread(spread: RecordableHistogram): Spread {
  if (spread.count === 0) return {};
  const toMs = (us: number): number => us / 1_000;
  return { p50: toMs(spread.percentile(50)), p99: toMs(spread.percentile(99)), max: toMs(spread.max) };
}
