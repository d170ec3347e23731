/** How the runs of one client ended within the window. */
export interface EndFigures {
  readonly ended: number;
  /** Of these, those that failed, took longer than their timeout, or were lost with their session. */
  readonly failed: number;
  /** Run times that half of those whose time is known stayed within, and 99 of 100; null: of none it is known. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/**
 * How the runs of each client ended lately, in memory alone: in the quarter of an hour that is under way and the three
 * before it. Bounded by the clients that are connected, and 10,000 that have gone.
 */
export interface Ends {
  /** A run of a client has ended; null: nobody knows how long it took. */
  note(clientId: string, isFailure: boolean, runMs: number | null): void;
  /** Null: nothing has ended within the window. */
  of(clientId: string): EndFigures | null;
  /** The client has a session: it is remembered as long as it has one. */
  arrived(clientId: string): void;
  /** The client has no session any more. */
  left(clientId: string): void;
}

const SLICE_MS = 15 * 60_000;
/** With the one that is under way. */
const SLICES = 4;
export const MAX_GONE = 10_000;

/** Bounds of run times to one doubling: a time is told to within a tenth of it. */
const STEPS = 4;
/** The first bucket is for less than a millisecond, the last for what ran for longer than 2^27 ms, a day and a half. */
const BUCKETS = 2 + 27 * STEPS;

interface Slice {
  readonly number: number;
  ended: number;
  failed: number;
  /** Runs by their time; null: of none it is known. */
  counts: Uint32Array | null;
}

export function createEnds(monotonic: () => number): Ends {
  const here = new Map<string, Slice[]>();
  // Those that have gone, the one that went first in front.
  const gone = new Map<string, Slice[]>();

  function slicesOf(clientId: string): Slice[] {
    const known = here.get(clientId) ?? gone.get(clientId);
    if (known) return known;
    // A result that came after its client had gone.
    const slices: Slice[] = [];
    keep(clientId, slices);
    return slices;
  }

  function keep(clientId: string, slices: Slice[]): void {
    gone.set(clientId, slices);
    if (gone.size > MAX_GONE) gone.delete(gone.keys().next().value!);
  }

  const numberNow = (): number => Math.floor(monotonic() / SLICE_MS);

  return {
    note(clientId, isFailure, runMs) {
      const slices = slicesOf(clientId);
      const number = numberNow();
      let slice = slices.at(-1);
      if (slice?.number !== number) {
        slice = { number, ended: 0, failed: 0, counts: null };
        slices.push(slice);
        while (slices[0]!.number <= number - SLICES) slices.shift();
      }
      slice.ended += 1;
      if (isFailure) slice.failed += 1;
      if (runMs === null) return;
      slice.counts ??= new Uint32Array(BUCKETS);
      slice.counts[bucketOf(runMs)]! += 1;
    },

    of(clientId) {
      const oldest = numberNow() - SLICES;
      const slices = (here.get(clientId) ?? gone.get(clientId) ?? []).filter(({ number }) => number > oldest);
      if (slices.length === 0) return null;
      const counts = new Float64Array(BUCKETS);
      for (const { counts: own } of slices) {
        for (let bucket = 0; own && bucket < BUCKETS; bucket += 1) counts[bucket]! += own[bucket]!;
      }
      return {
        ended: slices.reduce((sum, slice) => sum + slice.ended, 0),
        failed: slices.reduce((sum, slice) => sum + slice.failed, 0),
        p50Ms: quantileOf(counts, 0.5),
        p99Ms: quantileOf(counts, 0.99),
      };
    },

    arrived(clientId) {
      if (here.has(clientId)) return;
      here.set(clientId, gone.get(clientId) ?? []);
      gone.delete(clientId);
    },

    left(clientId) {
      const slices = here.get(clientId);
      here.delete(clientId);
      if (slices && slices.length > 0) keep(clientId, slices);
    },
  };
}

function bucketOf(ms: number): number {
  return ms < 1 ? 0 : Math.min(BUCKETS - 1, 1 + Math.floor(STEPS * Math.log2(ms)));
}

/** The time that this part of the runs stayed within: the middle of its bucket. */
function quantileOf(counts: Float64Array, part: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = Math.max(1, Math.ceil(part * total));
  let reached = 0;
  const bucket = counts.findIndex((count) => {
    reached += count;
    return reached >= rank;
  });
  return bucket === 0 ? 0.5 : 2 ** ((bucket - 0.5) / STEPS);
}
