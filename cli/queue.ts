import { toJson } from '@bufbuild/protobuf';
import { type Queue, QueueSchema } from '../gen/contact/v1/admin_service_pb.ts';
import { waitingToJson } from './waiting.ts';

/** A queue as `queues list` and `queues show` print it: proto3 JSON names. */
export function queueToJson(queue: Queue): Record<string, unknown> {
  const { waiting: _waiting, ...fields } = toJson(QueueSchema, queue, { alwaysEmitImplicit: true }) as Record<
    string,
    unknown
  >;
  return { ...fields, ...(queue.waiting ? { waiting: waitingToJson(queue.waiting) } : {}) };
}
