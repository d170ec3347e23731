import { setTimeout as sleep } from 'node:timers/promises';
import { createWorker } from '../../client/index.ts';

// A worker as a program of its own that some tasks kill: node fragile.ts '{"server": …}'. One task at a time, the next
// ones wait here. Prints `connected`, and `began PAYLOAD` for each task.

export interface FragileOrder {
  readonly server: string;
  readonly queue: string;
  readonly clientId?: string;
  readonly prefetch: number;
}

/** Its handler ends the process: at once, or so many milliseconds later. */
export type FragileJob = { readonly name: string; readonly diesAfterMs?: number };

/** What an innocent task answers. */
export interface FragileAnswer {
  readonly name: string;
  readonly attempt: number;
  readonly delivery: number;
}

const { prefetch, queue, ...options } = JSON.parse(process.argv[2]!) as FragileOrder;

const worker = createWorker<FragileJob, FragileAnswer>({
  ...options,
  queues: [queue],
  concurrency: 1,
  prefetch,
  handler: async ({ name, diesAfterMs }, { attempt, delivery }) => {
    process.stdout.write(`began ${name}\n`);
    if (diesAfterMs !== undefined) {
      if (diesAfterMs > 0) await sleep(diesAfterMs);
      process.kill(process.pid, 'SIGKILL');
      await sleep(1_000);
    }
    return { name, attempt, delivery };
  },
});
await worker.connected();
console.log('connected');
process.on('SIGTERM', () => void worker.stop());
await worker.finished;
