import type { Clock } from '../../shared/clock.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import type { Delivery } from '../model/task.ts';
import type { DeliveryStore } from '../store/deliveries.ts';
import type { NoteFailure } from '../store/failure.ts';
import type { Attempts } from './attempts.ts';
import type { Holders } from './holders.ts';
import type { HeldDelivery } from './ledger.ts';
import type { StatusReport } from './report.ts';
import type { TakeResults } from './results.ts';
import type { Session } from './session.ts';

export interface TakeStatusOptions {
  readonly queue: Pick<TaskQueue, 'activities'>;
  readonly store: Pick<DeliveryStore, 'checkpointTasks' | 'logTasks'>;
  readonly now: () => number;
  readonly attempts: Attempts;
  readonly holders: Holders;
  readonly takeResults: TakeResults;
  readonly takeReceipt: TakeReceipt;
  readonly noteFailure: NoteFailure;
}

/** Takes a receipt: everything up to this message was seen. It is a sign of life, and all that an idle client sends. */
export type TakeReceipt = (session: Session, seq: number) => void;

export function createTakeReceipt(clock: Clock, attempts: Attempts): TakeReceipt {
  return (session, seq) => {
    session.touch();
    if (!session.isHeard) attempts.hear(session);
    session.lastReceiptAt = clock.now();
    session.receipt(seq);
  };
}

/** Applies one message of a status stream; answers the outcomes of its results after the commit. */
export type TakeStatus = (session: Session, report: StatusReport) => ReturnType<TakeResults>;

export function createTakeStatus(options: TakeStatusOptions): TakeStatus {
  const { store, now, attempts, holders, takeResults, takeReceipt, noteFailure } = options;
  const { activities } = options.queue;

  function findHeld(delivery: Delivery, { ledger }: Session): HeldDelivery | undefined {
    const holder = holders.find(delivery);
    return holder && ledger.has(holder.held) ? holder.held : undefined;
  }

  return (session, report) => {
    if (report.receipt > 0) takeReceipt(session, report.receipt);
    else session.touch();
    for (const { taskId, delivery } of report.started) {
      const held = findHeld({ taskId, delivery }, session);
      if (!held) continue;
      session.tellsStarts = true;
      attempts.start(held);
      activities.tell(taskId, { kind: 'started', delivery });
    }
    for (const { taskId, delivery, fraction, message } of report.progress) {
      const held = findHeld({ taskId, delivery }, session);
      if (!held) continue;
      attempts.note(held, { fraction, message });
      activities.tell(taskId, { kind: 'progress', delivery, fraction, message });
    }
    const kept = keep(report, session);
    if (report.credit !== undefined) session.setCredit(report.credit);
    if (report.status !== undefined) session.text = report.status;
    const outcomes = takeResults(report, session);
    // Whoever says more than the store can write is read no faster than it does.
    return kept ? kept.then(() => outcomes) : outcomes;
  };

  /**
   * Stores what is said of deliveries beside their ends, with those; undefined: nothing is. A checkpoint is a comfort for
   * the next attempt, and a line for people: one that is not stored costs no task.
   */
  function keep({ checkpoints, logs }: StatusReport, session: Session): Promise<unknown> | undefined {
    if (checkpoints.length + logs.length === 0) return undefined;
    const isHeld = (one: Delivery): boolean => findHeld(one, session) !== undefined;
    const held = checkpoints.filter(isHeld);
    const lines = logs.filter(isHeld).map((line) => ({ ...line, at: line.at ?? now() }));
    const storing = [
      held.length > 0 && store.checkpointTasks(held).catch((error: unknown) => noteFailure('checkpointTasks', error)),
      lines.length > 0 && store.logTasks(lines).catch((error: unknown) => noteFailure('logTasks', error)),
    ];
    return Promise.all(storing);
  }
}
