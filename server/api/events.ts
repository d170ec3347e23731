import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { Assignment, GetTaskResponseSchema, LimitsSchema } from '../../gen/index.ts';
import type { ClaimedTask, Delivery } from '../model/task.ts';
import type { SessionEvent } from '../session/outlet.ts';
import { REVISION } from './registration.ts';

/** What `registered` tells beside the session itself. */
export interface Agreement {
  readonly limits: MessageInitShape<typeof LimitsSchema>;
  readonly pingIntervalMs: number;
  readonly resumeWindowMs: number;
}

const NO_BYTES = new Uint8Array();

export function writeEvent(
  seq: number,
  event: SessionEvent,
  agreement: Agreement,
): MessageInitShape<typeof GetTaskResponseSchema> {
  switch (event.kind) {
    case 'registered': {
      const { clientId, resumed, closed, maxInFlight } = event;
      const { limits, pingIntervalMs, resumeWindowMs } = agreement;
      const intervals = { pingIntervalMs, resumeWindowMs };
      const value = { clientId, intervals, limits, resumed, closed: closed.map(pick), maxInFlight, revision: REVISION };
      return { seq, event: { case: 'registered', value } };
    }
    case 'tasks':
      return { seq, event: { case: 'tasks', value: { tasks: event.tasks.map(writeAssignment) } } };
    case 'cancel':
      return { seq, event: { case: 'cancel', value: { ...pick(event.delivery), reason: event.reason } } };
    case 'moving':
      return { seq, event: { case: 'moving', value: { afterMs: event.afterMs } } };
    case 'drain':
      return { seq, event: { case: 'drain', value: {} } };
    case 'ping':
      return { seq, event: { case: 'ping', value: {} } };
    case 'renew':
      return { seq, event: { case: 'renew', value: { expiresAt: timestampFromMs(event.expiresAt) } } };
  }
}

function pick({ taskId, delivery }: Delivery): Delivery {
  return { taskId, delivery };
}

/** An assignment with every field set, so that protobuf-es has nothing to fill in. */
function writeAssignment(task: ClaimedTask): Assignment {
  return {
    $typeName: 'contact.v1.Assignment',
    taskId: task.id,
    delivery: task.delivery,
    attempt: task.attempt,
    queue: task.queue,
    payload: task.payload as Uint8Array<ArrayBuffer>,
    contentType: task.contentType,
    metadata: task.metadata as Record<string, string>,
    timeoutMs: task.timeoutMs,
    maxAttempts: task.maxAttempts,
    checkpoint: (task.checkpoint ?? NO_BYTES) as Uint8Array<ArrayBuffer>,
    priority: task.priority,
  };
}
