import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from '../../client/index.ts';
import { CommandFailure } from '../exit.ts';

const DELETE_PAGE = 500;
const PATIENCE_MS = 30_000;
const LOOK_MS = 250;

/** @throws CommandFailure when the queue is somebody's: it has tasks, settings or a worker */
export async function checkUnused(admin: Admin, queue: string): Promise<void> {
  const inUse = new CommandFailure(`${queue} is in use: a bench takes a queue that nobody else has`);
  for await (const { name } of admin.listAllQueues()) if (name === queue) throw inUse;
  for await (const { queues } of admin.listAllClients()) if (queues.includes(queue)) throw inUse;
}

/**
 * Forgets the tasks of a bench and their results. The newest are found first: with all of them it has come to the end.
 */
export async function clearQueue(admin: Admin, queue: string, sent: number): Promise<void> {
  let deleted = 0;
  let movedAt = performance.now();
  while (deleted < sent) {
    const { tasks } = await admin.listTasks({ queues: [queue] }, { pageSize: DELETE_PAGE });
    if (tasks.length === 0) return;
    const { ids } = await admin.deleteTasks(tasks.map(({ id }) => id));
    deleted += ids.length;
    if (ids.length > 0) movedAt = performance.now();
    else if (performance.now() - movedAt > PATIENCE_MS) throw new CommandFailure(`${queue} still has tasks that run`);
    else {
      // They were on their way to a worker that has gone: theirs for the resume window, then they wait again.
      await sleep(LOOK_MS);
      await admin.purgeQueue(queue);
    }
  }
}
