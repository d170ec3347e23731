import { openStore } from '../../server/store/open.ts';
import { createInput } from '../input.ts';

const BATCH = 1_000;
const HOUR_MS = 3_600_000;

/** Settled tasks in a new store, an hour old and in one queue: what retention has to look through. */
export async function fillStore(path: string, count: number, payloadBytes: number): Promise<void> {
  const store = await openStore(`sqlite:${path}`, { node: 'fill' });
  const settledAt = Date.now() - HOUR_MS;
  const payload = Buffer.alloc(payloadBytes, 1);
  let pending: Promise<unknown> = Promise.resolve();
  for (let done = 0; done < count; done += BATCH) {
    const tasks = Array.from({ length: Math.min(BATCH, count - done) }, () => createInput('old', payload));
    await pending;
    pending = store.insertTasks(tasks, settledAt).then(() =>
      store.cancelTasks(
        tasks.map(({ id }) => id),
        '',
        settledAt,
      ),
    );
  }
  await pending;
  await store.close();
}
