import { setTimeout as sleep } from 'node:timers/promises';
import { createWorker, TaskFailure } from 'contactd';

// node examples/worker.ts [HOST:PORT] — counts words, slowly enough to watch it, cancel it or kill it.

const worker = createWorker<{ text?: unknown }, { words: number }>({
  server: process.argv[2] ?? '127.0.0.1:50051',
  queues: ['words'],
  concurrency: 4,
  handler: async ({ text }, { taskId, attempt, signal, progress }) => {
    // Trying again would not help: say so.
    if (typeof text !== 'string') throw new TaskFailure('text is missing', { code: 'BAD_INPUT', retry: 'never' });
    for (let step = 1; step <= 5; step += 1) {
      // The signal ends the wait when the task is cancelled; what this throws then is of no interest.
      await sleep(20, undefined, { signal });
      progress(step / 5, `step ${step} of attempt ${attempt}`);
    }
    console.log(`${taskId} done`);
    return { words: text.split(/\s+/).filter(Boolean).length };
  },
});

worker.status$.subscribe(({ state, running }) => console.error(`${state}, ${running} running`));
// Finish what runs, then leave; the server gives new tasks to others.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => void worker.drain({ deadlineMs: 10_000 }));
await worker.finished;
