import { it } from 'mocha';
import { isFull } from '../scene/full.ts';
import { type Chance, createChance } from './chance.ts';
import { noteRound } from './figures.ts';
import type { Figures, Scale } from './figuretable.ts';

/** Intervals of a server and how a worker takes them. */
export interface Setting {
  readonly scale: Scale;
  readonly pingMs: number;
  readonly windowMs: number;
  /** Flags of `contact serve`. */
  readonly serverArgs: readonly string[];
  /** For workers. */
  readonly keepaliveMs: number;
  readonly backoff: { readonly baseMs: number; readonly capMs: number };
}

export const DEFAULT: Setting = {
  scale: 'default',
  pingMs: 5_000,
  windowMs: 15_000,
  serverArgs: [],
  keepaliveMs: 5_000,
  backoff: { baseMs: 100, capMs: 5_000 },
};

export function scaled(pingMs: number, windowMs: number): Setting {
  return {
    scale: 'scaled',
    pingMs,
    windowMs,
    serverArgs: ['--ping-interval', `${pingMs}ms`, '--resume-window', `${windowMs}ms`],
    keepaliveMs: pingMs,
    backoff: { baseMs: 20, capMs: 250 },
  };
}

/** A twentieth of the defaults. */
export const TWENTIETH = scaled(250, 750);

export interface FaultOptions {
  /** For the table. */
  readonly fault: string;
  /** Default: a twentieth of the defaults. */
  readonly setting?: Setting;
  /** Of the scaled ones, in full. Default 20. */
  readonly rounds?: number;
  /** Rounds that run at the same time; for those that mostly wait. Default 1. */
  readonly sideBySide?: number;
  /** Of one scaled round. Default 60 s. */
  readonly timeoutMs?: number;
}

export type RunRound = (setting: Setting, chance: Chance) => Promise<Figures>;

interface Fault {
  readonly name: string;
  readonly run: RunRound;
}

async function runRound({ name, run }: Fault, setting: Setting): Promise<void> {
  noteRound(name, setting.scale, await run(setting, createChance(name)));
}

/**
 * A test of one fault: scaled rounds, each with a seed of its own; 20 of them in full, else one. With CONTACT_SEED
 * one as well, which is that round again.
 */
export function itSurvives(title: string, options: FaultOptions, run: RunRound): void {
  const { fault, setting = TWENTIETH, rounds = 20, sideBySide = 1, timeoutMs = 60_000 } = options;
  const count = isFull && process.env.CONTACT_SEED === undefined ? rounds : 1;
  it(count === 1 ? title : `${title}: ${count} rounds`, async function () {
    this.timeout(count * timeoutMs);
    let left = count;
    const one = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await runRound({ name: fault, run }, setting);
      }
    };
    await Promise.all(Array.from({ length: sideBySide }, one));
  });
}

/** One round of each fault at the default intervals, all at the same time, since they mostly wait; only in full. */
export function itSurvivesAtDefaults(runs: Readonly<Record<string, RunRound>>, timeoutMs = 180_000): void {
  if (!isFull) return;
  it(`at the defaults, side by side: ${Object.keys(runs).join(', ')}`, async function () {
    this.timeout(timeoutMs);
    const ended = await Promise.allSettled(Object.entries(runs).map(([name, run]) => runRound({ name, run }, DEFAULT)));
    const reasons = ended.filter((one) => one.status === 'rejected').map(({ reason }) => reason as Error);
    if (reasons.length === 1) throw reasons[0];
    if (reasons.length > 1) throw new AggregateError(reasons, reasons.map(({ stack }) => stack).join('\n'));
  });
}
