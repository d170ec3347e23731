import type { Figure, Figures } from './figure.ts';
import type { Rig } from './rig.ts';
import type { Ability, StartOptions } from './system.ts';

/** What a run did, for whoever doubts its figures. A scenario throws when the work was not done. */
export interface Outcome {
  readonly figures: Figures;
  readonly checks: Readonly<Record<string, number | string>>;
}

export interface Scenario {
  readonly name: string;
  /** One sentence for the report. */
  readonly about: string;
  /** The first one is what plots show. */
  readonly figures: readonly Figure[];
  /** Default: `tasks`. */
  readonly needs?: readonly Ability[];
  /** The system whose figures those of the others are divided by, round by round. */
  readonly yardstick?: string;
  /** Only these systems; default all. */
  readonly systems?: readonly string[];
  /** Why it cannot run on this machine; undefined: it can. */
  missing?(): string | undefined;
  /** What its servers are started with. */
  start?(): Omit<StartOptions, 'folder'>;
  run(rig: Rig): Promise<Outcome>;
}
