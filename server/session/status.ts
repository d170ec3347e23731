import type { Clock } from '../../shared/clock.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import type { Attempts } from './attempts.ts';
import type { StatusReport } from './report.ts';
import type { TakeResults } from './results.ts';
import type { Session } from './session.ts';

export interface TakeStatusOptions {
  readonly queue: TaskQueue;
  readonly attempts: Attempts;
  readonly takeResults: TakeResults;
  readonly clock: Clock;
}

/** Applies one message of a status stream; answers the outcomes of its results after the commit. */
export type TakeStatus = (session: Session, report: StatusReport) => ReturnType<TakeResults>;

export function createTakeStatus({ queue, attempts, takeResults, clock }: TakeStatusOptions): TakeStatus {
  const { activities, store } = queue;

  return (session, report) => {
    session.touch();
    if (report.receipt > 0) {
      session.lastReceiptAt = clock.now();
      session.receipt(report.receipt);
    }
    for (const { taskId, delivery } of report.started) {
      const held = session.ledger.find(taskId, delivery);
      if (!held) continue;
      attempts.start(held);
      activities.tell(taskId, { kind: 'started', delivery });
    }
    for (const { taskId, delivery, fraction, message } of report.progress) {
      if (!session.ledger.find(taskId, delivery)) continue;
      activities.tell(taskId, { kind: 'progress', delivery, fraction, message });
    }
    // A comfort for the next attempt: one that is not stored costs work, and no task.
    if (report.checkpoints.length > 0) store.checkpointTasks(report.checkpoints).catch(() => undefined);
    if (report.credit !== undefined) session.setCredit(report.credit);
    if (report.status !== undefined) session.text = report.status;
    return takeResults(report, session.clientId);
  };
}
