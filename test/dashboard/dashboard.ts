import { createAdmin, createProducer, createWorker, TaskFailure } from '../../client/index.ts';
import { ensureDashboard } from '../../scripts/dashboard.ts';
import { type ServerProcess, type ServerProcessOptions, startServer } from '../scene/process.ts';
import { until } from '../scene/until.ts';

/** A server with work on it, and where its dashboard is. */
export interface Load {
  readonly server: ServerProcess;
  readonly url: string;
  readonly producer: ReturnType<typeof createProducer>;
  readonly admin: ReturnType<typeof createAdmin>;
  /** What the workers of `mails` do from now on. */
  mend(): void;
  close(): Promise<void>;
}

export const FAILED_COUNT = 12;

/** `contact serve` with its dashboard, as it is built of the sources now. */
export async function startDashboard(options: ServerProcessOptions = {}): Promise<ServerProcess> {
  await ensureDashboard();
  return startServer(options);
}

/**
 * A queue whose tasks fail until somebody mends it, one that nobody serves, one that is paused, one whose task runs and tells how
 * far it is, and one that works.
 */
export async function startLoad(): Promise<Load> {
  const server = await startDashboard();
  const connection = { server: server.address };
  const producer = createProducer(connection);
  const admin = createAdmin(connection);
  let isMended = false;
  const mailer = createWorker({
    ...connection,
    queues: ['mails', 'sums'],
    clientId: 'mailer-1',
    labels: { region: 'eu' },
    concurrency: 4,
    handler: (payload: { readonly to?: string }, context) => {
      context.log(`to ${payload.to ?? 'nobody'}`);
      if (payload.to && !isMended) {
        throw new TaskFailure(`connect ECONNREFUSED for ${payload.to}`, { code: 'ECONNREFUSED', retry: 'never' });
      }
      return { sent: true };
    },
  });
  const painter = createWorker({
    ...connection,
    queues: ['thumbnails'],
    clientId: 'painter',
    handler: (_payload, context) => {
      context.progress(0.4, 'page 4 of 10');
      return new Promise((_, reject) => context.signal.addEventListener('abort', () => reject(context.signal.reason)));
    },
  });
  const mails = Array.from({ length: FAILED_COUNT }, (_, place) => ({
    queue: 'mails',
    payload: { to: `user${place}@example.org` },
    metadata: { customer: String(place) },
  }));
  await producer.enqueueBatch(mails);
  await producer.enqueueBatch(Array.from({ length: 5 }, (_, place) => ({ queue: 'sums', payload: { a: place } })));
  await producer.enqueue('exports', { table: 'orders' });
  await producer.enqueue('archive', {});
  await producer.enqueue('thumbnails', { image: 'a.jpg' });
  await admin.pauseQueue('archive');
  await until('all has come to where it is to be', async () => {
    const counts = await admin.countTasks();
    return counts.failed === FAILED_COUNT && counts.succeeded === 5 && counts.running === 1;
  });
  return {
    server,
    url: `http://${server.address}/`,
    producer,
    admin,
    mend: () => {
      isMended = true;
    },
    async close() {
      await Promise.all([mailer, painter].map((worker) => worker.stop({ deadlineMs: 500 })));
      await Promise.all([producer.close(), admin.close()]);
      await server.stop();
    },
  };
}
