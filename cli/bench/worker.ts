import { startWorker, type WorkerOrder } from './workers.ts';

// A worker of `contact bench --fork`: works until the process that started it hangs up.

const hungUp = new Promise<void>((resolve) => process.once('disconnect', resolve));
// Ctrl-C on a terminal goes to all of them; the first one says when to end.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);

process.once('message', async (order: WorkerOrder) => {
  const worker = await startWorker(order);
  process.send?.('connected');
  await Promise.race([hungUp, worker.failed]);
  await worker.stop();
});
