import type { Figures } from '../model/figures.ts';
import type { StoreSpace } from '../store/space.ts';
import type { Row } from './rows.ts';
import type { Sample } from './sample.ts';
import type { Tally } from './tally.ts';

/** What is known of the queues of one label. */
export interface QueueFigures {
  ready: number;
  scheduled: number;
  running: number;
  workers: number;
  /** Queues that an operator has paused. */
  paused: number;
  /** Of queues that have a limit, how many tasks may wait. */
  maxWaiting: number;
}

/** All that one scrape tells, gathered at one moment. */
export interface Scrape {
  readonly version: string;
  readonly figures: Figures;
  /** By label. */
  readonly queues: ReadonlyMap<string, QueueFigures>;
  readonly rows: ReadonlyMap<string, Row>;
  readonly queueCount: number;
  readonly tally: Tally;
  readonly space: StoreSpace | undefined;
  /** Since the scrape before, in seconds. */
  readonly loopDelay: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly isReady: boolean;
}

/** One metric: its name and what it means, and how it is read. */
export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  read(scrape: Scrape): readonly Sample[];
}

/** A metric of one series. */
export function single(
  type: Family['type'],
  name: string,
  help: string,
  read: (scrape: Scrape) => number | undefined,
): Family {
  return {
    name,
    type,
    help,
    labels: [],
    read(scrape) {
      const value = read(scrape);
      return value === undefined ? [] : [{ value }];
    },
  };
}
