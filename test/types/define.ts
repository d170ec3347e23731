import { z } from 'zod';
import { createWorker, defineTask, type JsonOf, type Producer } from '../../client/index.ts';

// Compiled and never run: `tsc` fails when one of these lines is taken, and when one is refused that should be taken.

declare const producer: Producer<unknown>;
declare const bytesProducer: Producer<Uint8Array>;

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const sums = defineTask({
  queue: 'sums',
  input: z.object({ a: z.number(), b: z.number().default(0) }),
  output: z.number(),
  maxAttempts: 3,
});
const dates = defineTask({ queue: 'dates', input: z.coerce.date(), output: z.object({ at: z.date() }) });
const mails = defineTask<{ to: string; at?: Date }, void>({ queue: 'mails' });
const anything = defineTask({ queue: 'anything' });

export async function use(): Promise<void> {
  await sums.enqueue(producer, { a: 1, b: 2 }, { priority: 1, signal: AbortSignal.timeout(1) });
  await sums.enqueue(bytesProducer, { a: 1 });
  // @ts-expect-error: no field of the input
  await sums.enqueue(producer, { wrong: true });
  // @ts-expect-error: of another type
  await sums.enqueue(producer, { a: '1' });
  // @ts-expect-error: the second one
  await sums.enqueueMany(producer, [{ a: 1 }, { b: 1 }]);
  // @ts-expect-error: one key for many tasks
  await sums.enqueueMany(producer, [{ a: 1 }], { key: 'k' });
  // @ts-expect-error: a defined task is JSON
  await sums.enqueue(producer, { a: 1 }, { contentType: 'text/plain' });
  // @ts-expect-error: no option of a task
  await sums.enqueue(producer, { a: 1 }, { retries: 3 });
  // @ts-expect-error: no option of a kind of task
  defineTask({ queue: 'sums', key: 'k' });

  const sum = await sums.call(producer, { a: 1 }, { deadlineMs: 5_000 });
  same<typeof sum, number>(true);
  // @ts-expect-error: not a string
  sum.toUpperCase();

  const date = await dates.call(producer, '2026-01-01');
  same<typeof date, { at: string }>(true);
  await mails.enqueue(producer, { to: 'a@example.org', at: new Date() });
  same<Awaited<ReturnType<typeof mails.call>>, null>(true);
  // @ts-expect-error: no field of the input
  await mails.enqueue(producer, { cc: 'a@example.org' });
  await anything.enqueue(producer, { whatever: 1 });
  same<Awaited<ReturnType<typeof anything.call>>, unknown>(true);

  createWorker({
    server: 'localhost:1',
    concurrency: 10,
    tasks: [
      // What the default fills in is there.
      sums.handle(({ a, b }, { attempt }) => a + b + attempt, { concurrency: 4 }),
      dates.handle(async (at) => ({ at: new Date(at.getTime() + 1) })),
      mails.handle(({ to, at }) => {
        same<typeof at, string | undefined>(true);
        to.trim();
      }),
      { queue: 'by hand', handler: (payload: { readonly n: number }) => payload.n },
    ],
  });
  // @ts-expect-error: another result
  sums.handle(({ a }) => String(a));
  sums.handle(({ a }) => a, {
    concurrency: 4,
    timeoutMs: 5_000,
    use: [(_payload, { log }, next) => next().finally(() => log('x', 'warn'))],
  });
  // @ts-expect-error: milliseconds are a number
  sums.handle(({ a }) => a, { timeoutMs: '5s' });
  // @ts-expect-error: a middleware is a function
  sums.handle(({ a }) => a, { use: ['log'] });
  // @ts-expect-error: no option of a queue
  sums.handle(({ a }) => a, { prefetch: 1 });
  // @ts-expect-error: no level of a log
  sums.handle(({ a }, { log }) => a + Number(log('x', 'fatal')));
  createWorker({ server: 'localhost:1', queues: ['q'], handler: () => 1, timeoutMs: 60_000, use: [] });
  // @ts-expect-error: a timeout is a number
  createWorker({ server: 'localhost:1', queues: ['q'], handler: () => 1, timeoutMs: null });
  // @ts-expect-error: no field of the payload
  sums.handle(({ c }) => c);
  // @ts-expect-error: a handler of one queue names it
  createWorker({ server: 'localhost:1', tasks: [{ handler: () => 1 }] });
}

same<
  JsonOf<{
    readonly at: Date;
    list: readonly (Date | 1)[];
    f(): void;
    map: Map<string, 1>;
    deep: { n: bigint; s?: string };
  }>,
  { readonly at: string; list: readonly (string | 1)[]; f: never; map: never; deep: { n: never; s?: string } }
>(true);
same<JsonOf<unknown>, unknown>(true);
