import type { GetHistoryResponse, Latency, QueueHistory } from '../gen/contact/v1/admin_service_pb.ts';
import { knownInstant } from './instant.ts';
import { type Json, someText } from './plain.ts';

/** A value for each step; null: nobody knows it. */
export type Values = readonly (number | null)[];

/** What is known of a queue by step, with gaps as gaps. */
export interface QueueSteps {
  readonly enqueued: Values;
  readonly claimed: Values;
  readonly succeeded: Values;
  readonly failed: Values;
  readonly cancelled: Values;
  readonly expired: Values;
  readonly ready: Values;
  readonly scheduled: Values;
  readonly running: Values;
  readonly oldestReadyMs: Values;
  readonly wait: LatencySteps;
  readonly run: LatencySteps;
}

export interface LatencySteps {
  readonly p50Ms: Values;
  readonly p95Ms: Values;
  readonly p99Ms: Values;
}

/** The history of one of the queues of an answer, or of all together. */
export function stepsOf(history: QueueHistory, { coveredMs }: Pick<GetHistoryResponse, 'coveredMs'>): QueueSteps {
  const isKnown = (at: number): boolean => at >= history.knownFrom && coveredMs[at]! > 0;
  const known = (values: readonly number[]): Values => values.map((value, at) => (isKnown(at) ? value : null));
  const latency = (of: Latency | undefined): LatencySteps => {
    const there = (values: readonly number[] = []): Values => known(values).map((v) => (v === -1 ? null : v));
    return { p50Ms: there(of?.p50Ms), p95Ms: there(of?.p95Ms), p99Ms: there(of?.p99Ms) };
  };
  return {
    enqueued: known(history.enqueued),
    claimed: known(history.claimed),
    succeeded: known(history.succeeded),
    failed: known(history.failed),
    cancelled: known(history.cancelled),
    expired: known(history.expired),
    ready: known(history.ready),
    scheduled: known(history.scheduled),
    running: known(history.running),
    oldestReadyMs: known(history.oldestReadyMs).map((value, at) => (history.ready[at] === 0 ? null : value)),
    wait: latency(history.wait),
    run: latency(history.run),
  };
}

export function historyToJson(history: QueueHistory, answer: GetHistoryResponse): Json {
  return {
    queue: someText(history.queue),
    startAt: knownInstant(answer.start),
    stepMs: answer.stepSeconds * 1_000,
    coveredMs: answer.coveredMs,
    ...stepsOf(history, answer),
  };
}
