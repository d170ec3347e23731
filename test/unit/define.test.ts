import assert from 'node:assert/strict';
import { z } from 'zod';
import type { Handler, TaskContext } from '../../client/handler.ts';
import type { NewTaskInput, Producer, StandardResult, StandardSchema } from '../../client/index.ts';
import { ContactError, defineTask, TaskFailure } from '../../client/index.ts';

const LINES = z.object({ lines: z.array(z.object({ price: z.number() })) });
const CONTEXT = { signal: new AbortController().signal } as TaskContext;

/** A producer that keeps what it is given. */
function createKeeper() {
  const kept: { readonly queue: string; readonly payload: unknown; readonly options: object }[] = [];
  const enqueue = async (queue: string, payload: unknown, options = {}) => {
    kept.push({ queue, payload, options });
    return { id: 'id', deduplicated: false };
  };
  const enqueueBatch = async (tasks: readonly NewTaskInput[]) => {
    for (const { queue, payload, ...options } of tasks) kept.push({ queue, payload, options });
    return [];
  };
  const call = async (queue: string, payload: unknown, options = {}) => {
    await enqueue(queue, payload, options);
    return 'result';
  };
  return { kept, producer: { enqueue, enqueueBatch, call } as unknown as Producer<unknown> };
}

/** A schema of no library: a function, as arktype's are. */
function schemaOf<T>(validate: (value: unknown) => StandardResult<T> | Promise<StandardResult<T>>) {
  return Object.assign(() => {}, {
    '~standard': { version: 1 as const, vendor: 'test', validate },
  }) as StandardSchema<unknown, T>;
}

const run = (handler: Handler<never, unknown>, payload: unknown) =>
  (handler as Handler<unknown, unknown>)(payload, CONTEXT) as Promise<unknown>;

describe('defineTask()', () => {
  it('refuses an input where it is wrong, and sends nothing', async () => {
    const { kept, producer } = createKeeper();
    const orders = defineTask({ queue: 'orders', input: LINES });
    const wrong = { lines: [{ price: 1 }, { price: '2' }] } as never;
    const refusal = { name: 'ContactError', code: 'INVALID_ARGUMENT' };
    const field = 'payload.lines[1].price';
    await assert.rejects(orders.enqueue(producer, wrong), { ...refusal, field });
    await assert.rejects(orders.call(producer, wrong), { ...refusal, field });
    const good = { lines: [] };
    await assert.rejects(orders.enqueueMany(producer, [good, wrong]), {
      ...refusal,
      field: `tasks[1].${field}`,
      index: 1,
    });
    assert.deepEqual(kept, []);
  });

  it('sends the input as it was given, in the same turn, and hands the handler what the schema makes of it', async () => {
    const { kept, producer } = createKeeper();
    const lengths = defineTask({
      queue: 'lengths',
      input: z.string().transform((text) => text.length),
      output: z.number(),
    });
    void lengths.enqueue(producer, 'three');
    assert.deepEqual(
      kept.map(({ queue, payload }) => ({ queue, payload })),
      [{ queue: 'lengths', payload: 'three' }],
    );
    assert.equal(await run(lengths.handle((length) => length + 1).handler, 'three'), 6);
  });

  it('puts what is said of one task over what was said of all', async () => {
    const { kept, producer } = createKeeper();
    const task = defineTask({ queue: 'q', maxAttempts: 3, timeoutMs: 5, expiresAfterMs: 9 });
    await task.enqueue(producer, 1, { timeoutMs: 7, maxAttempts: undefined as never });
    const expiresAt = new Date();
    await task.enqueueMany(producer, [2], { expiresAt });
    await task.call(producer, 3, { deadlineMs: 1 });
    const options = kept.map(({ options }) => {
      const { codec, ...rest } = options as { readonly codec: { readonly contentType: string } };
      assert.equal(codec.contentType, 'application/json');
      return rest;
    });
    assert.deepEqual(options, [
      { maxAttempts: 3, timeoutMs: 7, expiresAfterMs: 9 },
      { maxAttempts: 3, timeoutMs: 5, expiresAt },
      { maxAttempts: 3, timeoutMs: 5, expiresAfterMs: 9, deadlineMs: 1 },
    ]);
  });

  it('names the option that is wrong', async () => {
    const { producer } = createKeeper();
    assert.throws(() => defineTask({ queue: 'no name' }), { field: 'queue' });
    assert.throws(() => defineTask({ queue: 'q', input: {} as never }), { field: 'input' });
    assert.throws(() => defineTask({ queue: 'q', output: { '~standard': { version: 2 } } as never }), {
      field: 'output',
    });
    assert.throws(() => defineTask({ queue: 'q', delayMs: 1 } as never), { field: 'delayMs' });
    assert.throws(() => defineTask({ queue: 'q' }).handle(1 as never), { field: 'handler' });
    assert.throws(() => defineTask({ queue: 'q' }).handle(() => 1, { concurrency: 0 }), { field: 'concurrency' });
    const task = defineTask({ queue: 'q' });
    await assert.rejects(task.enqueue(producer, 1, { codec: 1 } as never), { field: 'codec' });
    await assert.rejects(task.enqueueMany(producer, 1 as never), { field: 'inputs' });
  });

  it('takes a schema that answers later, and one that throws or rejects', async () => {
    const { kept, producer } = createKeeper();
    const later = schemaOf<number>(async (value) =>
      typeof value === 'number'
        ? { value: value + 1 }
        : { issues: [{ message: 'no number', path: [{ key: 'a b' }, 0] }] },
    );
    const task = defineTask({ queue: 'q', input: later });
    await task.enqueue(producer, 1);
    assert.equal(kept.length, 1);
    assert.equal(await run(task.handle((n) => n).handler, 1), 2);
    await assert.rejects(task.enqueueMany(producer, [1, 'x']), { field: 'tasks[1].payload["a b"][0]' });
    for (const validate of [
      () => {
        throw new Error('broken');
      },
      () => Promise.reject(new Error('broken')),
    ]) {
      const broken = defineTask({ queue: 'q', input: schemaOf<number>(validate) });
      await assert.rejects(broken.enqueue(producer, 1), { message: 'payload: its schema threw broken' });
    }
    assert.equal(kept.length, 1);
  });

  it('fails a payload and a result that a schema refuses for good, and says where', async () => {
    const task = defineTask({ queue: 'q', input: LINES, output: z.object({ sum: z.number() }) });
    const { handler } = task.handle(({ lines }) => ({ sum: lines.length > 0 ? ('text' as never) : 0 }));
    const refused = async (payload: unknown): Promise<TaskFailure> => {
      const error = await run(handler, payload).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof TaskFailure);
      assert.equal(error.retry, 'never');
      return error;
    };
    const input = await refused({ lines: 'none' });
    assert.equal(input.code, 'INVALID_PAYLOAD');
    assert.match(input.message, /^payload\.lines: /);
    const output = await refused({ lines: [{ price: 1 }] });
    assert.equal(output.code, 'INVALID_RESULT');
    assert.match(output.message, /^result\.sum: /);
    assert.deepEqual(await run(handler, { lines: [] }), { sum: 0 });
  });

  it('does not enter the handler of a task that was cancelled while its schema took its time', async () => {
    const abort = new AbortController();
    const slow = schemaOf<number>(async () => {
      abort.abort(new ContactError('CANCELLED', 'cancelled'));
      return { value: 1 };
    });
    let isEntered = false;
    const { handler } = defineTask({ queue: 'q', input: slow }).handle(() => {
      isEntered = true;
    });
    const context = { signal: abort.signal } as TaskContext;
    await assert.rejects(async () => (handler as Handler<unknown, unknown>)(1, context), { code: 'CANCELLED' });
    assert.equal(isEntered, false);
  });

  it('tells no more than the first of many faults, and that one short', async () => {
    const { producer } = createKeeper();
    const chatty = schemaOf<never>(() => ({
      issues: [{ message: 'x'.repeat(10_000), path: ['y'.repeat(10_000)] }, { message: 'other' }],
    }));
    const error = await defineTask({ queue: 'q', input: chatty })
      .enqueue(producer, 1)
      .then(
        () => undefined,
        (thrown: ContactError) => thrown,
      );
    assert.ok(error!.message.length < 1_000);
    assert.match(error!.message, /\(and 1 more\)$/);
  });
});
