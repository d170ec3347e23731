import { ContactError } from '../../shared/errors.ts';
import { countTasks, type TaskCounter } from '../store/counted.ts';
import type { SettleOutcome } from '../store/deliveries.ts';
import type { StoreObserver } from '../store/observed.ts';
import type { Request } from '../store/request.ts';
import type { EndedSession } from '../store/sessions.ts';
import type { PruneOutcome, RedriveOutcome } from '../store/tasks.ts';
import { bucketOf, COLUMN, RUN_SECONDS, WAIT_SECONDS } from './columns.ts';
import { createHistogram, type Histogram } from './histogram.ts';
import type { QueueRows } from './rows.ts';

/** Commits, in seconds and in items. */
const COMMIT_SECONDS = [0.001, 0.005, 0.025, 0.1, 1];
const COMMIT_ITEMS = [1, 10, 100, 1_000];

type ReportCode = SettleOutcome['code'];

/** What a server has committed since it started, as plain numbers. */
export interface Tally {
  readonly retried: number;
  readonly lost: number;
  readonly redriven: number;
  readonly pruned: number;
  readonly deduplicated: number;
  /** Results and releases that were told, by what became of them. */
  readonly reports: Readonly<Record<ReportCode, number>>;
  readonly commitSeconds: Histogram;
  readonly syncSeconds: Histogram;
  readonly commitItems: Histogram;
}

/** Counts what is committed: of queues in `rows`, all else in the answer. */
export function createTally(
  rows: QueueRows,
  now: () => number,
): { readonly tally: Tally; readonly observer: StoreObserver } {
  const reports = { STORED: 0, DUPLICATE: 0, STALE: 0, UNKNOWN: 0 };
  const tally = {
    retried: 0,
    lost: 0,
    redriven: 0,
    pruned: 0,
    deduplicated: 0,
    reports,
    commitSeconds: createHistogram(COMMIT_SECONDS),
    syncSeconds: createHistogram(COMMIT_SECONDS),
    commitItems: createHistogram(COMMIT_ITEMS),
  };

  const counter: TaskCounter = {
    enqueued(queue) {
      rows.of(queue)[COLUMN.enqueued]! += 1;
    },
    deduplicated() {
      tally.deduplicated += 1;
    },
    claimed(queue, waitMs) {
      const row = rows.of(queue);
      row[COLUMN.claimed]! += 1;
      if (waitMs === null) return;
      row[COLUMN.wait + bucketOf(WAIT_SECONDS, waitMs / 1_000)]! += 1;
      row[COLUMN.waitSum]! += waitMs / 1_000;
    },
    settled(queue, state, runMs) {
      const row = rows.of(queue);
      row[COLUMN[state]]! += 1;
      if (runMs === null) return;
      row[COLUMN.run + bucketOf(RUN_SECONDS, runMs / 1_000)]! += 1;
      row[COLUMN.runSum]! += runMs / 1_000;
    },
  };

  function countReports(outcomes: readonly SettleOutcome[]): void {
    for (const { code, scheduledAt } of outcomes) {
      reports[code] += 1;
      if (scheduledAt !== undefined) tally.retried += 1;
    }
  }

  function count(request: Request, answer: unknown): void {
    countTasks(request, answer, counter, now);
    switch (request.kind) {
      case 'settle':
      case 'release':
        countReports(answer as readonly SettleOutcome[]);
        break;
      case 'openSession':
      case 'endSession':
        tally.lost += (answer as EndedSession).lostCount;
        break;
      case 'redrive':
        tally.redriven += (answer as readonly RedriveOutcome[]).filter(({ kind }) => kind === 'ready').length;
        break;
      case 'prune':
        tally.pruned += (answer as PruneOutcome).taskIds.length;
    }
  }

  return {
    tally,
    observer: {
      committed(requests, answers, { items }, ms) {
        tally.commitSeconds.observe(ms / 1_000);
        tally.commitItems.observe(items);
        requests.forEach((request, at) => {
          if (!(answers[at] instanceof ContactError)) count(request, answers[at]);
        });
      },
      synced: (ms) => tally.syncSeconds.observe(ms / 1_000),
    },
  };
}
