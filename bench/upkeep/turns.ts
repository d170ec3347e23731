import { setTimeout as sleep } from 'node:timers/promises';
import { median, percentile } from '../statistics.ts';
import type { Load } from './load.ts';

/** Pick-ups of a load, in turns with work beside it and without: the machine's other moods meet both alike. */
export interface Turns {
  /** Milliseconds, each of all turns of its kind together. */
  readonly alone: { readonly count: number; readonly p50: number; readonly p99: number };
  readonly beside: { readonly count: number; readonly p50: number; readonly p99: number };
  /** p99 beside in × of p99 alone, each of a turn with the one right before it: their median. */
  readonly times: number;
}

export interface TurnsOptions {
  readonly load: Load;
  readonly aloneMs: number;
  readonly besideMs: number;
  /** Resolves when the work goes on, or stands still. */
  setWorking(isWorking: boolean): Promise<void>;
  /** Whether the work is over; asked after each turn with it. */
  isOver(): Promise<boolean>;
}

/** The time that what was begun before a turn may take: it counts for neither. */
const SETTLE_MS = 500;

export async function measureTurns({ load, aloneMs, besideMs, setWorking, isOver }: TurnsOptions): Promise<Turns> {
  const all: Record<'alone' | 'beside', number[]> = { alone: [], beside: [] };
  const times: number[] = [];

  async function takeTurn(kind: 'alone' | 'beside', ms: number): Promise<number> {
    await setWorking(kind === 'beside');
    await sleep(SETTLE_MS);
    load.reset();
    await sleep(ms);
    const waits = load.waits();
    all[kind].push(...waits);
    return percentile(waits, 0.99);
  }

  let areOver = false;
  while (!areOver) {
    const alone = await takeTurn('alone', aloneMs);
    const beside = await takeTurn('beside', besideMs);
    areOver = await isOver();
    // A turn in which the work ended is none of it.
    if (!areOver || times.length === 0) times.push(beside / alone);
  }
  const sum = (kind: 'alone' | 'beside') => {
    const sorted = all[kind].toSorted((a, b) => a - b);
    return { count: sorted.length, p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
  };
  return { alone: sum('alone'), beside: sum('beside'), times: median(times) };
}
