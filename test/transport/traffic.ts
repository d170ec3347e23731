import assert from 'node:assert/strict';
import { TaskService } from '../../gen/index.ts';
import { ask, type Clients } from '../scene/clients.ts';
import { nameOf, openWorker } from '../scene/worker.ts';

/** Somebody else's work, on a connection of its own, that must not notice anything. */
export interface Traffic {
  /** Ends it and fails if anything went wrong or stood still. */
  stop(): Promise<void>;
}

/** Calls one task after the other on a queue of its own. */
export async function openTraffic(clients: Clients, queue = 'innocent', longestMs = 60_000): Promise<Traffic> {
  const worker = await openWorker(clients, { queues: [queue] });
  let answered = 0;
  let slowestMs = 0;
  let isStopping = false;
  worker.taskStream.on('data', () => {
    const fresh = worker.tasks.slice(answered);
    answered = worker.tasks.length;
    if (fresh.length > 0) worker.send({ succeeded: fresh.map((task) => ({ ...nameOf(task), result: task.payload })) });
  });

  async function run(): Promise<void> {
    for (let n = 0; !isStopping; n++) {
      const payload = Buffer.from(String(n));
      const since = performance.now();
      const { result } = await ask(clients, TaskService.method.callTask, { task: { queue, payload } });
      slowestMs = Math.max(slowestMs, performance.now() - since);
      assert.equal(Buffer.from(result!.result).toString(), String(n));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  const running = run();
  running.catch(() => undefined);
  return {
    async stop() {
      isStopping = true;
      await running;
      assert.ok(answered > 0 && slowestMs < longestMs, `${answered} calls, the slowest took ${slowestMs} ms`);
    },
  };
}
