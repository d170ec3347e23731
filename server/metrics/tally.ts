import { ContactError } from '../../shared/errors.ts';
import type { SettledRecord } from '../model/task.ts';
import type { ClaimOutcome, SettleOutcome } from '../store/deliveries.ts';
import type { StoreObserver } from '../store/observed.ts';
import type { Request } from '../store/request.ts';
import type { EndedSession } from '../store/sessions.ts';
import { settledBy } from '../store/signals.ts';
import type { InsertOutcome, PruneOutcome, RedriveOutcome } from '../store/tasks.ts';
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

  function countInserts(tasks: readonly { readonly queue: string }[], outcomes?: readonly InsertOutcome[]): void {
    tasks.forEach(({ queue }, at) => {
      if (outcomes?.[at]?.deduplicated) tally.deduplicated += 1;
      else rows.of(queue)[COLUMN.enqueued]! += 1;
    });
  }

  function countClaims(outcomes: readonly ClaimOutcome[]): void {
    const at = now();
    for (const { tasks } of outcomes) {
      for (const { queue, readyAt } of tasks) {
        const row = rows.of(queue);
        row[COLUMN.claimed]! += 1;
        if (readyAt === null) continue;
        const seconds = Math.max(0, at - readyAt) / 1_000;
        row[COLUMN.wait + bucketOf(WAIT_SECONDS, seconds)]! += 1;
        row[COLUMN.waitSum]! += seconds;
      }
    }
  }

  function countReports(outcomes: readonly SettleOutcome[]): void {
    for (const { code, scheduledAt } of outcomes) {
      reports[code] += 1;
      if (scheduledAt !== undefined) tally.retried += 1;
    }
  }

  function countSettled({ queue, state, claimedAt, settledAt }: SettledRecord): void {
    const row = rows.of(queue);
    row[COLUMN[state]]! += 1;
    // How long a task ran is of interest if somebody has brought it to an end.
    if (claimedAt === null || (state !== 'succeeded' && state !== 'failed')) return;
    const seconds = Math.max(0, settledAt - claimedAt) / 1_000;
    row[COLUMN.run + bucketOf(RUN_SECONDS, seconds)]! += 1;
    row[COLUMN.runSum]! += seconds;
  }

  function count(request: Request, answer: unknown): void {
    for (const record of settledBy(request, answer)) countSettled(record);
    switch (request.kind) {
      case 'insert':
        countInserts(request.tasks, answer as readonly InsertOutcome[]);
        break;
      case 'insertBroadcast':
        if ((answer as InsertOutcome).deduplicated) tally.deduplicated += 1;
        else countInserts([request.parent, ...request.children]);
        break;
      case 'extendBroadcast':
        countInserts(request.children);
        break;
      case 'claim':
        countClaims(answer as readonly ClaimOutcome[]);
        break;
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
