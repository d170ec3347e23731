import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { COLUMNS } from './columns.ts';
import type { Places } from './places.ts';
import { type Ring, rowOf, saturate } from './ring.ts';
import { KEPT_STEPS, type Timeline } from './timeline.ts';

const VERSION = 1;
/** Of a record that is read, unpacked: more than an hour of all queues has in which no number is 0. */
const MAX_RECORD_BYTES = 64 << 20;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** A row in which most is 0: place and value, place and value. */
type Sparse = readonly number[];

/** Several steps as they are kept. Of another version, or other columns, nothing is known. */
interface Kept {
  readonly version: number;
  readonly columns: number;
  readonly stepMs: number;
  /** The newest step in which a queue without a place had anything. */
  readonly othersAt: number;
  readonly covered: readonly (readonly [step: number, ms: number])[];
  readonly total: KeptRing;
  readonly own: readonly (readonly [queue: string, ring: KeptRing])[];
}

interface KeptRing {
  readonly from: number;
  readonly rows: readonly (readonly [step: number, row: Sparse])[];
}

/** Whether there was anything in these steps: a server that does nothing keeps nothing. */
export function hasRows({ total }: Places, first: number, last: number): boolean {
  return keepRing(total, first, last).rows.length > 0;
}

/** The steps from `first` to `last`, as bytes. */
export async function writeRecord(
  timeline: Timeline,
  places: Places,
  first: number,
  last: number,
): Promise<Uint8Array> {
  const kept: Kept = {
    version: VERSION,
    columns: COLUMNS,
    stepMs: timeline.stepMs,
    othersAt: places.others.activeAt,
    covered: stepsOf(first, last).map((step) => [step, Math.round(timeline.coveredOf(step))] as const),
    total: keepRing(places.total, first, last),
    own: [...places.own].map(([queue, ring]) => [queue, keepRing(ring, first, last)] as const),
  };
  return deflate(JSON.stringify(kept));
}

/**
 * Takes over what an earlier process has kept: the newest first, since who had a place then has it now.
 * @returns the first of its steps; undefined: this version knows nothing of it
 */
export async function readRecord(timeline: Timeline, places: Places, bytes: Uint8Array): Promise<number | undefined> {
  const text = (await inflate(bytes, { maxOutputLength: MAX_RECORD_BYTES })).toString();
  const kept = JSON.parse(text) as Kept;
  if (kept.version !== VERSION || kept.columns !== COLUMNS || kept.stepMs !== timeline.stepMs) return undefined;
  const { current } = timeline;
  // What is of an hour that is over, or of one that is yet to come, has no slot.
  const isThere = (step: number): boolean => step <= current && step > current - KEPT_STEPS - 1;
  for (const [step, ms] of kept.covered) if (isThere(step)) timeline.restore(step, ms);
  places.others.activeAt = Math.max(places.others.activeAt, Math.min(kept.othersAt, current));
  addRows(places.total, kept.total, isThere);
  // In the step that is under way it is added up again when that ends: what has no place now is there among the others.
  const isCurrent = (step: number): boolean => step === current;
  addRows(places.others, kept.total, isCurrent);
  for (const [queue, ring] of kept.own) {
    const place = places.restore(queue, ring.from);
    if (!place) continue;
    addRows(place, ring, isThere);
    addRows(places.others, ring, isCurrent, -1);
  }
  return kept.covered[0]?.[0];
}

function stepsOf(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}

function keepRing(ring: Ring, first: number, last: number): KeptRing {
  const rows = stepsOf(first, last).map((step) => [step, toSparse(rowOf(ring, step))] as const);
  return { from: ring.from, rows: rows.filter(([, row]) => row.length > 0) };
}

function toSparse(row: Uint32Array): Sparse {
  const sparse: number[] = [];
  row.forEach((value, at) => {
    if (value > 0) sparse.push(at, value);
  });
  return sparse;
}

/** Adds these steps to what is there: a process may have counted already before it knows what the one before has kept. */
function addRows(ring: Ring, { rows }: KeptRing, isThere: (step: number) => boolean, sign: 1 | -1 = 1): void {
  for (const [step, sparse] of rows) {
    if (!isThere(step)) continue;
    const row = rowOf(ring, step);
    for (let at = 0; at + 1 < sparse.length; at += 2) {
      const column = sparse[at]!;
      row[column] = saturate(row[column]! + sign * sparse[at + 1]!);
    }
    if (row.some((value) => value > 0)) ring.activeAt = Math.max(ring.activeAt, step);
  }
}
