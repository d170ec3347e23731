import { nowMs } from '../clock.ts';
import { isFailing, readStamp } from '../payload.ts';
import { spreadOf } from '../statistics.ts';
import type { Worker } from '../system.ts';
import { findSystem } from '../systems/index.ts';
import type { Progress, WorkerAsks } from './messages.ts';

export function createWorkerRole(): WorkerAsks {
  let worker: Worker;
  let done = 0;
  let doneAt = 0;
  let pickups: number[] = [];
  let target = Number.POSITIVE_INFINITY;
  let reach: () => void = () => {};

  function onStart(payload: Uint8Array | string, attempt: number): void {
    const stamp = readStamp(payload);
    if (stamp !== undefined) pickups.push(nowMs() - stamp);
    else if (attempt <= 1 && isFailing(payload)) throw new Error('fails the first time');
  }

  function onDone(count: number): void {
    done += count;
    if (done < target) return;
    doneAt = nowMs();
    reach();
  }

  return {
    async open({ system, address, queues, concurrency }) {
      worker = await findSystem(system).work(address, { queues, concurrency, onStart, onDone });
    },
    async begin() {
      const at = nowMs();
      await worker.begin();
      return at;
    },
    until(count, forMs) {
      return new Promise<Progress>((resolve) => {
        const settle = (): void => {
          clearTimeout(timer);
          target = Number.POSITIVE_INFINITY;
          resolve({ done, at: doneAt });
        };
        const timer = setTimeout(() => {
          doneAt = nowMs();
          settle();
        }, forMs);
        target = count;
        reach = settle;
        // Reached before anybody asked: the last one's instant was not kept, and now is as late as can be.
        onDone(0);
      });
    },
    async pickup() {
      const spread = spreadOf(pickups);
      pickups = [];
      return spread;
    },
    close: () => worker.close(),
  };
}
