import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { AdminService, LatencySchema, QueueHistorySchema } from '../../gen/index.ts';
import { ContactError, invalid } from '../../shared/errors.ts';
import type { Latency, RingView } from '../history/frame.ts';
import type { HistoryReader } from '../history/history.ts';
import { isInScope } from '../model/caller.ts';
import { readQueues } from './filter.ts';
import type { Handlers } from './handler.ts';
import { readInstant } from './instant.ts';
import { createPace } from './pace.ts';

const MAX_QUEUES = 100;
const MAX_STEP_MS = 3_600_000;

/** `GetHistory`. */
export function createGetHistory(history: HistoryReader): Handlers<typeof AdminService>['getHistory'] {
  const pace = createPace();
  return async ({ queues, since, stepSeconds, totalOnly }, { caller }) => {
    if (queues.length > MAX_QUEUES) throw invalid('queues', `at most ${MAX_QUEUES}, got ${queues.length}`);
    const stepMs = readStep(stepSeconds, history.stepMs);
    const sinceAt = since ? readInstant('since', since) : 0;
    if (totalOnly && queues.length > 0) throw invalid('total_only', 'it is asked of no queue, but queues are named');
    const mayTotal = caller.scope.queues === 'all';
    if (totalOnly && !mayTotal) {
      throw new ContactError('PERMISSION_DENIED', 'not all queues are of this caller', { field: 'total_only' });
    }
    const wanted = queues.length > 0 ? readQueues('queues', queues) : [...history.queues()];
    const seen = totalOnly ? [] : wanted.filter((queue) => isInScope(caller.scope, queue)).sort();
    const frame = history.frame({ since: Math.max(0, sinceAt), stepMs });
    const told: MessageInitShape<typeof QueueHistorySchema>[] = [];
    for (const queue of seen) {
      // Each is as much work as a page of a list.
      await pace();
      const view = history.readQueue(queue, frame);
      if (view) told.push(writeView(queue, view));
    }
    return {
      start: timestampFromMs(frame.startAt),
      stepSeconds: stepMs / 1_000,
      coveredMs: [...frame.coveredMs],
      ...(mayTotal && queues.length === 0 ? { total: writeView('', history.readTotal(frame)) } : {}),
      queues: told,
    };
  };
}

/** In milliseconds. */
function readStep(seconds: number, ownMs: number): number {
  if (seconds === 0) return ownMs;
  const ms = seconds * 1_000;
  if (ms > MAX_STEP_MS) throw invalid('step_seconds', `at most ${MAX_STEP_MS / 1_000}, an hour`);
  if (ms % ownMs === 0) return ms;
  throw invalid('step_seconds', `expected a multiple of ${ownMs / 1_000}, got ${seconds}`);
}

function writeView(queue: string, view: RingView): MessageInitShape<typeof QueueHistorySchema> {
  return {
    queue,
    knownFrom: view.knownFrom,
    enqueued: [...view.enqueued],
    claimed: [...view.claimed],
    succeeded: [...view.succeeded],
    failed: [...view.failed],
    cancelled: [...view.cancelled],
    expired: [...view.expired],
    ready: [...view.ready],
    scheduled: [...view.scheduled],
    running: [...view.running],
    oldestReadyMs: [...view.oldestReadyMs],
    wait: writeLatency(view.wait),
    run: writeLatency(view.run),
  };
}

function writeLatency({ p50Ms, p95Ms, p99Ms }: Latency): MessageInitShape<typeof LatencySchema> {
  const write = (values: readonly (number | null)[]): number[] => values.map((value) => value ?? -1);
  return { p50Ms: write(p50Ms), p95Ms: write(p95Ms), p99Ms: write(p99Ms) };
}
