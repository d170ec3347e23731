import type { Queue, QueueLimits, Retention } from '../gen/contact/v1/admin_service_pb.ts';
import { knownInstant } from './instant.ts';
import { type Json, someNumber } from './plain.ts';
import { waitingToJson } from './waiting.ts';

const SECOND_MS = 1_000;

export function queueToJson(queue: Queue): Json {
  const { retention, waiting, limits } = queue;
  return {
    queue: queue.name,
    paused: queue.paused,
    ready: queue.ready,
    scheduled: queue.scheduled,
    running: queue.running,
    succeeded: queue.succeeded,
    failed: queue.failed,
    cancelled: queue.cancelled,
    expired: queue.expired,
    unroutable: queue.unroutable,
    workers: queue.workers,
    oldest: queue.oldest.map(({ priority, oldestCreatedAt }) => ({
      priority,
      createdAt: knownInstant(oldestCreatedAt),
    })),
    limits: limits && limitsToJson(limits),
    retention: retention && retentionToJson(retention),
    ownRetention: queue.ownRetention,
    waiting: waiting && waitingToJson(waiting),
  };
}

export function limitsToJson({
  maxWaiting,
  maxRunning,
}: Pick<QueueLimits, 'maxWaiting' | 'maxRunning'>): Json | undefined {
  if (maxWaiting + maxRunning === 0) return undefined;
  return { maxWaiting: someNumber(maxWaiting), maxRunning: someNumber(maxRunning) };
}

export function retentionToJson({ seconds, max }: Pick<Retention, 'seconds' | 'max'>): Json {
  return { maxAgeMs: someNumber(seconds * SECOND_MS), maxTasks: someNumber(max) };
}
