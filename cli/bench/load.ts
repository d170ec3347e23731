import { setTimeout as sleep } from 'node:timers/promises';
import type { NewTaskInput, Producer } from '../../client/index.ts';
import { instantMs, stampPayload } from './stamp.ts';
import type { Tally } from './tally.ts';

/** The longest that a timer takes; with a day it is never reached. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What is sent, and how fast. */
export interface LoadOptions {
  readonly queue: string;
  readonly producer: Producer<Uint8Array>;
  readonly tally: Tally;
  readonly payloadBytes: number;
  /** How many tasks one `enqueueBatch()` has; 1: single tasks, as they come. */
  readonly batch: number;
  /** Tasks per second; undefined: as fast as they are settled. */
  readonly rate: number | undefined;
  /** How many tasks may be sent and not yet settled, where there is no rate. */
  readonly outstanding: number;
  readonly maxTasks: number;
  readonly maxSeconds: number;
  readonly signal: AbortSignal;
}

/** Sends tasks. With a rate they have their instants, and what comes late is measured from when it was due. */
export interface Load {
  /** Resolves when all are acknowledged; rejects when one was refused. */
  run(): Promise<void>;
  /** Notes that something was settled, so that more may be sent. */
  wake(): void;
  /** Tasks that were sent, acknowledged or not. */
  readonly sent: number;
}

export function createLoad(options: LoadOptions): Load {
  const { queue, producer, tally, payloadBytes, batch, rate, outstanding, maxTasks, maxSeconds, signal } = options;
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined);
  const pending = new Set<Promise<void>>();
  let woken = Promise.withResolvers<void>();
  let sent = 0;

  function send(count: number, sentAt: number): void {
    const payloads = Array.from({ length: count }, (_, at) => stampPayload(sent + at, sentAt, payloadBytes));
    sent += count;
    const stored = count === 1 ? producer.enqueue(queue, payloads[0]!) : producer.enqueueBatch(payloads.map(toTask));
    const told: Promise<void> = stored.then(
      () => {
        pending.delete(told);
        for (let at = 0; at < count; at += 1) tally.acknowledge(sentAt);
      },
      (error: unknown) => broken.reject(error),
    );
    pending.add(told);
  }

  const toTask = (payload: Uint8Array): NewTaskInput<Uint8Array> => ({ queue, payload });

  async function sendAtRate(perSecond: number, until: number): Promise<void> {
    const beganAt = instantMs();
    while (sent < maxTasks && !signal.aborted) {
      const dueAt = beganAt + (1_000 * sent) / perSecond;
      if (dueAt >= until) return;
      const waitMs = dueAt - instantMs();
      if (waitMs > 0) await sleep(waitMs);
      else send(Math.min(batch, maxTasks - sent), dueAt);
    }
  }

  async function sendAtPace(until: number): Promise<void> {
    while (sent < maxTasks && !signal.aborted && instantMs() < until) {
      woken = Promise.withResolvers();
      while (sent < maxTasks && sent - tally.settled < outstanding) send(Math.min(batch, maxTasks - sent), instantMs());
      if (sent < maxTasks) await woken.promise;
    }
  }

  return {
    async run() {
      const end = (): void => woken.resolve();
      signal.addEventListener('abort', end);
      const timer = setTimeout(end, Math.min(maxSeconds * 1_000 + 1, MAX_TIMER_MS));
      const until = instantMs() + maxSeconds * 1_000;
      tally.begin();
      try {
        await Promise.race([rate === undefined ? sendAtPace(until) : sendAtRate(rate, until), broken.promise]);
        await Promise.race([Promise.all(pending), broken.promise]);
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
      }
    },
    wake: () => woken.resolve(),
    get sent() {
      return sent;
    },
  };
}
