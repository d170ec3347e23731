import { ChurnSet } from '../../shared/churn.ts';
import { nowMs, pauseMs } from '../clock.ts';
import { createFailingPayload, createPayload, createStampedPayload } from '../payload.ts';
import { type Spread, spreadOf } from '../statistics.ts';
import type { BenchTask, Producer } from '../system.ts';
import { findSystem } from '../systems/index.ts';
import type { Burst, BurstResult, Pace, PaceResult, ProducerAsks } from './messages.ts';

/** A paced load looks at the clock when its next task is due, and no more often than so. */
const PACE_TICK_MS = 1;
/** Tasks in one batch of a paced load. */
const MAX_TOGETHER = 100;

/** Draws the tasks of a burst; payloads are made once. */
function createDeck({ queues, payloadBytes, failEvery }: Burst): (count: number) => BenchTask[] {
  const payload = createPayload(payloadBytes);
  const failing = createFailingPayload(payloadBytes);
  const plain = queues.map((queue): BenchTask => ({ queue, payload }));
  let drawn = 0;
  return (count) => {
    const tasks: BenchTask[] = [];
    for (let at = 0; at < count; at += 1) {
      const task = plain[drawn % plain.length]!;
      drawn += 1;
      tasks.push(failEvery > 0 && drawn % failEvery === 0 ? { queue: task.queue, payload: failing } : task);
    }
    return tasks;
  };
}

async function runBurst(producer: Producer, burst: Burst): Promise<BurstResult> {
  const { tasks, shape } = burst;
  const draw = createDeck(burst);
  const size = 'one' in shape ? 1 : shape.size;
  let left = tasks;
  let acknowledged = 0;
  const startedAt = nowMs();
  const deadline = startedAt + burst.forMs;
  const enqueueInTurn = async (): Promise<void> => {
    while (left > 0 && nowMs() < deadline) {
      const batch = draw(Math.min(size, left));
      left -= batch.length;
      if ('one' in shape) await producer.enqueueOne(batch[0]!);
      else await producer.enqueueMany(batch);
      acknowledged += batch.length;
    }
  };
  await Promise.all(Array.from({ length: shape.outstanding }, enqueueInTurn));
  return { acknowledged, startedAt, endedAt: nowMs() };
}

/**
 * Draws so many tasks a second, by the clock, and hands over what is due together; resolves with the milliseconds that
 * each hand-over took, once for each task.
 */
async function keepPace(
  pace: Pace,
  maxTogether: number,
  act: (tasks: BenchTask[]) => Promise<void>,
): Promise<number[]> {
  const tookMs: number[] = [];
  const under = new ChurnSet<Promise<void>>();
  const handOver = (count: number): void => {
    const at = nowMs();
    const create = (): BenchTask => ({ queue: pace.queue, payload: createStampedPayload(pace.payloadBytes) });
    const acting = act(Array.from({ length: count }, create)).then(() => {
      under.delete(acting);
      const took = nowMs() - at;
      for (let task = 0; task < count; task += 1) tookMs.push(took);
    });
    under.add(acting);
  };
  const startedAt = nowMs();
  for (let sent = 0; ; ) {
    const elapsedMs = nowMs() - startedAt;
    if (elapsedMs >= pace.forMs) break;
    const due = Math.floor((elapsedMs / 1_000) * pace.perSecond) + 1;
    while (sent < due) {
      const count = Math.min(maxTogether, due - sent);
      sent += count;
      handOver(count);
    }
    const nextDueMs = (sent / pace.perSecond) * 1_000;
    await pauseMs(Math.max(PACE_TICK_MS, nextDueMs - (nowMs() - startedAt)));
  }
  await Promise.all(under);
  return tookMs;
}

export function createProducerRole(): ProducerAsks {
  let producer: Producer;
  return {
    async open({ system, address }) {
      producer = await findSystem(system).produce(address);
    },
    burst: (burst) => runBurst(producer, burst),
    async pace(pace): Promise<PaceResult> {
      const tookMs = await keepPace(pace, MAX_TOGETHER, (tasks) =>
        tasks.length === 1 ? producer.enqueueOne(tasks[0]!) : producer.enqueueMany(tasks),
      );
      return { acknowledged: tookMs.length, stored: spreadOf(tookMs) };
    },
    async call(pace): Promise<Spread> {
      return spreadOf(await keepPace(pace, 1, ([task]) => producer.call!(task!)));
    },
    counts: () => producer.counts(),
    close: () => producer.close(),
  };
}
