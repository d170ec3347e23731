import type { Settlement } from '../../server/store/deliveries.ts';
import { openStore } from '../../server/store/open.ts';
import { createInput } from '../input.ts';

const BATCH = 500;
export const QUEUES = ['sums', 'mails', 'images', 'reports'];
const CLIENTS = 50;
/** Kinds of errors of each queue. */
const KINDS = 25;

interface FillOptions {
  readonly count: number;
  /** Of a hundred tasks so many have failed, at their only attempt. */
  readonly failedPercent: number;
  /** The tasks were settled within this time, evenly. */
  readonly overMs: number;
  readonly now: number;
}

/** A store of settled tasks, as workers leave it: of some queues and many clients, with errors that have ids in them. */
export async function fillStore(path: string, { count, failedPercent, overMs, now }: FillOptions): Promise<void> {
  const store = await openStore(`sqlite:${path}`, { node: 'fill' });
  const sessions = await Promise.all(
    Array.from({ length: CLIENTS }, async (_, client) => {
      const opening = {
        secretHash: `h${client}`,
        subject: '',
        clientId: `client-${client}`,
        isNamed: false,
        labels: {},
      };
      return store.openSession({ ...opening, queues: QUEUES, node: 'fill', resume: null }, now - overMs);
    }),
  );
  for (let done = 0; done < count; done += BATCH) {
    const at = Math.floor(now - overMs + (done / count) * overMs);
    const turn = done / BATCH;
    const queue = QUEUES[turn % QUEUES.length]!;
    const client = turn % CLIENTS;
    await store.insertTasks(
      Array.from({ length: Math.min(BATCH, count - done) }, () => createInput(queue, PAYLOAD)),
      at,
    );
    const { session } = sessions[client]!;
    const request = { session, lanes: [{ queue, lane: '' }], limit: BATCH, maxBytes: 1 << 24, mayExceed: true };
    const [claimed] = await store.claimTasks(
      () => [request],
      () => at,
    );
    const settlements = claimed!.tasks.map(({ id, delivery }, index): Settlement => {
      const told = { taskId: id, delivery, clientId: `client-${client}` };
      if (index % 100 >= failedPercent) return { ...told, kind: 'succeeded', result: OK, contentType: '' };
      const error = { code: `E${(done + index) % KINDS}`, message: `no answer for order ${done + index} of ${id}` };
      return { ...told, kind: 'failed', error, retry: { kind: 'never' }, random: 0 };
    });
    await store.settleTasks(settlements, at);
  }
  await store.close();
}

const OK = Buffer.from('ok');
const PAYLOAD = Buffer.alloc(100, 1);
