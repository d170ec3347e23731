import { retryAt } from '../../model/retry.ts';
import type { Fence, Release, Settlement, SettleOutcome } from '../deliveries.ts';
import { type Context, ENDED, type TaskRow } from './context.ts';
import type { Deliveries, Ending, OpenDelivery, Return } from './deliveries.ts';

export interface Settling {
  settleTasks(settlements: readonly Settlement[], now: number): readonly SettleOutcome[];
  releaseTasks(releases: readonly Release[], now: number): readonly SettleOutcome[];
}

const UNKNOWN: SettleOutcome = Object.freeze({ code: 'UNKNOWN' });
const STALE: SettleOutcome = Object.freeze({ code: 'STALE' });
const DUPLICATE: SettleOutcome = Object.freeze({ code: 'DUPLICATE' });

export function createSettling({ db, catalog, tasks, sessions }: Context, deliveries: Deliveries): Settling {
  const selectTold = db.prepare<{ position: number }>(
    'SELECT position FROM result WHERE task_key = ? AND delivery = ? AND is_told = 1',
  );

  function settleOne(settlement: Settlement, now: number): SettleOutcome {
    const row = tasks.byId(settlement.taskId);
    if (!row) return UNKNOWN;
    const open = deliveries.findOpen(row, settlement);
    if (open) return endBy(settlement, open, now);
    return !settlement.session && wasTold(row, settlement) ? DUPLICATE : STALE;
  }

  /** The result of this very delivery was stored before: as the task's end, or as a failure that is retried. */
  function wasTold(row: TaskRow, { delivery }: Fence): boolean {
    if (row.state !== null && row.delivery === delivery && row.ended === ENDED.failed) return true;
    tasks.flush();
    return selectTold.get(row.key, delivery) !== undefined;
  }

  function endBy(settlement: Settlement, open: OpenDelivery, now: number): SettleOutcome {
    const { clientId } = settlement;
    const isTold = settlement.session === undefined;
    const { row, burnt, lost } = open;
    switch (settlement.kind) {
      case 'succeeded': {
        const { result, contentType } = settlement;
        const ending: Ending = {
          state: 'succeeded',
          transition: 'succeeded',
          clientId,
          attempt: burnt + 1,
          lost,
          isTold,
          error: null,
          result,
          contentType,
        };
        return stored(deliveries.settle(row, ending, now));
      }
      case 'failed':
        return fail(settlement, open, isTold, now);
      case 'stopped':
        return stored(deliveries.release(open, settlement.isStarted ?? true, clientId, isTold, now));
      case 'abandoned':
        if (row.cancel_reason === null) return STALE;
        return stored(deliveries.cancel(row, row.cancel_reason, clientId, isTold, now));
    }
  }

  function fail(
    settlement: Settlement & { kind: 'failed' },
    open: OpenDelivery,
    isTold: boolean,
    now: number,
  ): SettleOutcome {
    const { row, burnt, lost } = open;
    const { clientId, error, retry, random } = settlement;
    if (row.cancel_reason !== null) {
      return stored(deliveries.cancel(row, row.cancel_reason, clientId, isTold, now));
    }
    const { maxAttempts, backoffBaseMs: baseMs, backoffCapMs: capMs } = row.terms;
    const runAt = retryAt(now, burnt + 1, maxAttempts, { baseMs, capMs }, retry, random);
    if (runAt !== null) {
      const scheduledAt = Math.ceil(runAt);
      const expiresAt = deliveries.retry(open, scheduledAt, isTold, error);
      const outcome = { code: 'STORED', scheduledAt, queue: catalog.queueById(row.queue_id).name } as const;
      return expiresAt === null ? outcome : { ...outcome, expiresAt };
    }
    const ending = {
      state: 'failed',
      transition: 'failed',
      clientId,
      attempt: burnt + 1,
      lost,
      isTold,
      error,
    } as const;
    return stored(deliveries.settle(row, ending, now));
  }

  function releaseOne(release: Release, now: number): SettleOutcome {
    const row = tasks.byId(release.taskId);
    if (!row) return UNKNOWN;
    const open = deliveries.findOpen(row, release);
    if (!open) return STALE;
    const clientId = sessions.get(row.session_key ?? 0)?.clientId ?? '';
    if (release.cause === 'released') {
      return stored(deliveries.release(open, release.isStarted, clientId, release.session === undefined, now));
    }
    // Lost already.
    if (open.from === 'ready') return STALE;
    return stored(deliveries.lose(row, release.isStarted, clientId, now));
  }

  return {
    settleTasks: (settlements, now) => tasks.gather(() => settlements.map((each) => settleOne(each, now))),
    releaseTasks: (releases, now) => releases.map((each) => releaseOne(each, now)),
  };
}

function stored(end: Return): SettleOutcome {
  if ('ready' in end) return { code: 'STORED', ready: end.ready };
  const { event, parent } = end;
  return parent ? { code: 'STORED', event, parent } : { code: 'STORED', event };
}
