import { z } from 'zod';
import {
  type Access,
  type Admin,
  type Caller,
  createAccess,
  createAdmin,
  createCaller,
  createObserver,
  createProducer,
  createWorker,
  type DefinedTask,
  defineTask,
  type Handler,
  type Observer,
  type Producer,
  type TaskContext,
  type Worker,
} from '../../client/index.ts';
import { silentLogger } from '../../client/options.ts';
import { mockContext } from '../../testing/index.ts';
import { use, useWorker } from './end.ts';

type Sum = { readonly a: number; readonly b: number };

/** What the examples of the SDK speak of without saying where it came from. */
export interface Fixtures {
  /** HOST:PORT of a server. */
  readonly server: string;
  readonly producer: Producer<unknown>;
  readonly observer: Observer<unknown>;
  readonly admin: Admin;
  readonly access: Access;
  readonly caller: Caller;
  readonly worker: Worker;
  readonly context: TaskContext;
  readonly sums: DefinedTask<Sum, Sum, number, number>;
  /** A task that was enqueued. */
  readonly id: string;
  readonly taskId: string;
  readonly cursor: string | undefined;
  readonly error: unknown;
  readonly rows: readonly { readonly name: string }[];
  readonly mail: { readonly to: string };
  readonly rectangle: object;
  readonly resize: Handler<{ readonly path: string }, string>;
}

/** Against a server that is there until the end of the test. */
export async function openFixtures(server: string): Promise<Fixtures> {
  const connection = { server, logger: silentLogger };
  const numbers = z.object({ a: z.number(), b: z.number() });
  const sums = defineTask({ queue: 'sums', input: numbers, output: z.number() });
  const worker = useWorker(
    createWorker({
      ...connection,
      clientId: 'laptop-7',
      labels: { site: 'berlin' },
      queues: ['mails', 'restarts'],
      handler: () => null,
      tasks: [sums.handle(({ a, b }) => a + b)],
    }),
  );
  const producer = use(createProducer(connection));
  await worker.connected();
  const { id } = await producer.enqueue('mails', { to: 'nobody@example.org' });
  return {
    server,
    producer,
    worker,
    sums,
    observer: use(createObserver(connection)),
    admin: use(createAdmin(connection)),
    access: use(createAccess(connection)),
    caller: use(createCaller(connection)),
    context: mockContext(),
    id,
    taskId: id,
    cursor: undefined,
    error: new Error('none of ours'),
    rows: [{ name: 'one' }, { name: 'two' }],
    mail: { to: 'a@example.org' },
    rectangle: {},
    resize: async ({ path }, { progress }) => {
      progress(1);
      return path.replace('.', '-small.');
    },
  };
}
