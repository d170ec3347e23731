import { createProducer, createWorker } from '../../client/index.ts';
import { percentile } from '../statistics.ts';

export interface Load {
  /** Forgets what was measured. */
  reset(): void;
  /** From the call of `enqueue()` to the begin of the handler, in milliseconds. */
  pickUp(): { readonly count: number; readonly p50: number; readonly p99: number };
  /** Each of them, the shortest first. */
  waits(): readonly number[];
  close(): Promise<void>;
}

/** One producer and one worker at a steady pace, in this process. */
export function startLoad(address: string, perSecond: number): Load {
  const queues = ['load'];
  let waits: number[] = [];
  const handler = (sentAt: number): void => void waits.push(performance.now() - sentAt);
  const worker = createWorker({ server: address, queues, concurrency: 100, handler });
  const producer = createProducer<number>({ server: address });
  const startedAt = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (; sent < ((performance.now() - startedAt) * perSecond) / 1_000; sent++) {
      producer.enqueue('load', performance.now()).catch(() => undefined);
    }
  }, 1);
  return {
    reset: () => {
      waits = [];
    },
    pickUp() {
      const sorted = waits.toSorted((a, b) => a - b);
      return { count: sorted.length, p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
    },
    waits: () => waits.toSorted((a, b) => a - b),
    async close() {
      clearInterval(timer);
      await producer.close({ deadlineMs: 5_000 });
      await worker.stop({ deadlineMs: 1_000 });
    },
  };
}
