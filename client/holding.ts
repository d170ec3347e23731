import type { Delivery } from '../gen/contact/v1/task_pb.ts';
import type { Logger } from './options.ts';
import { deliveryKey, type Outbox } from './outbox.ts';
import type { TaskLogs } from './tasklog.ts';
import type { Uplink } from './uplink.ts';
import type { Workload } from './workload.ts';

/** What a worker has received and the server has not acknowledged: running, waiting, or finished. */
export interface Holding {
  /** What a registration that resumes names as held. */
  list(): Delivery[];
  /** Forgets deliveries that the server closed while this worker was away. */
  forget(closed: readonly Delivery[]): void;
  /** Says over a new session what the old one may not have passed on: the server stores neither receipts nor starts. */
  repeat(uplink: Uplink): void;
}

export interface HoldingOptions {
  readonly workload: Workload;
  readonly outbox: Outbox;
  readonly logs: Pick<TaskLogs, 'drop' | 'repeat'>;
  readonly logger: Logger;
}

export function createHolding({ workload, outbox, logs, logger }: HoldingOptions): Holding {
  return {
    list() {
      const reported = outbox.reports().map(({ message }) => message);
      return [...workload.held(), ...reported].map(({ taskId, delivery }) => ({
        $typeName: 'contact.v1.Delivery',
        taskId,
        delivery,
      }));
    },

    forget(closed) {
      const keys = closed.map(deliveryKey);
      const lostCount = keys.filter((key) => workload.has(key)).length;
      const knownCount = keys.filter((key) => outbox.has(key)).length;
      workload.close(keys);
      // Most of these reports were stored, and only the acknowledgement was lost.
      for (const key of keys) {
        outbox.drop(key);
        logs.drop(key);
      }
      if (lostCount > 0) logger.warn(`${lostCount} tasks were taken back while this worker was away`);
      if (knownCount > 0) logger.info(`${knownCount} results are not asked for: stored before, or too late`);
    },

    repeat(uplink) {
      for (const task of workload.running()) {
        uplink.started(task);
        if (task.newCheckpoint) uplink.checkpointed(task);
        if (task.newProgress) uplink.progressed(task);
      }
      for (const { kind, message } of outbox.reports()) {
        if (kind !== 'failed' && kind !== 'released') continue;
        uplink.started({ taskId: message.taskId, delivery: message.delivery, hasSucceeded: false });
      }
      logs.repeat();
      outbox.rewind();
    },
  };
}
