import { invalid } from '../../shared/errors.ts';
import type { Enqueued } from '../batch.ts';
import type { CallOptions } from '../calltask.ts';
import * as check from '../check.ts';
import { json } from '../codec.ts';
import type { Handler } from '../handler.ts';
import { type EnqueueOptions, type TaskTerms, TERMS_RULES } from '../newtask.ts';
import type { Abortable, Producer } from '../producer.ts';
import { HANDLE_RULES, type HandleOptions, type TaskHandler } from './handled.ts';
import type { JsonOf, JsonResult } from './json.ts';
import { isSchema } from './judge.ts';
import { begin, judgeInput, judgeInputs, judging } from './judging.ts';
import type { InputOf, OutputOf, StandardSchema } from './standard.ts';

/** What may be said of one task that is defined, over what was said when it was. */
export type DefinedOptions = Omit<EnqueueOptions, 'codec' | 'contentType'>;

/** What `defineTask()` takes for types alone. */
export interface PlainTaskOptions extends TaskTerms {
  /** The queue of these tasks; no other kind of task should be in it. */
  readonly queue: string;
  /** Absent: what is said of types is for the compiler alone. */
  readonly input?: undefined;
  /** Absent, as `input`. */
  readonly output?: undefined;
}

/** What `defineTask()` takes with schemas by Standard Schema: of zod, valibot, arktype and others. */
export interface SchemaTaskOptions<I extends StandardSchema, O extends StandardSchema> extends TaskTerms {
  /** The queue of these tasks; no other kind of task should be in it. */
  readonly queue: string;
  /** What payloads are; looked at by who enqueues and by the worker. Default: anything that JSON has a form for. */
  readonly input?: I;
  /** What results are; looked at by the worker. Default: anything that JSON has a form for. */
  readonly output?: O;
}

/** One kind of task: its queue, what goes in and what comes out, and how it is to be run. */
export interface DefinedTask<Input, Payload, Returned, Result> {
  /** The queue that was given. */
  readonly queue: string;
  /**
   * Resolves once the task is stored, like `producer.enqueue()`. What is sent is the input as it was given, so that the
   * worker's schema sees what this one saw.
   * @throws ContactError INVALID_ARGUMENT whose field says where the input is wrong, `payload.lines[2].price`; nothing is sent
   * @example
   * const { id } = await sums.enqueue(producer, { a: 1, b: 2 }, { delayMs: 60_000 });
   */
  enqueue(producer: Producer<unknown>, input: Input, options?: DefinedOptions & Abortable): Promise<Enqueued>;
  /**
   * 1 to 1,000 tasks, all stored or none, like `producer.enqueueBatch()`; the options are of each of them.
   * @throws ContactError INVALID_ARGUMENT whose field says which and where: `tasks[3].payload.price`
   * @example
   * await sums.enqueueMany(producer, [{ a: 1, b: 2 }, { a: 3, b: 4 }], { priority: 5 });
   */
  enqueueMany(
    producer: Producer<unknown>,
    inputs: readonly Input[],
    options?: Omit<DefinedOptions, 'id' | 'key' | 'broadcast'> & Abortable,
  ): Promise<Enqueued[]>;
  /**
   * Waits for the result, like `producer.call()`; `deadlineMs` is 60,000 by default.
   * @throws ContactError INVALID_ARGUMENT whose field says where the input is wrong, DEADLINE_EXCEEDED
   * @throws TaskFailed when the task ends otherwise; its `error.code` is INVALID_PAYLOAD or INVALID_RESULT where a schema of the
   *   worker has refused
   * @example
   * const sum = await sums.call(producer, { a: 1, b: 2 }, { deadlineMs: 5_000 });
   */
  call(producer: Producer<unknown>, input: Input, options?: DefinedOptions & CallOptions): Promise<Result>;
  /**
   * The handler of these tasks, for `createWorker({ tasks: [ … ] })`. It is given what the schema made of the payload. What a
   * schema refuses fails for good: it would be refused again.
   * @param options what holds for this queue of one worker in place of what its `createWorker()` says: `concurrency`, within that of
   *   the worker; `timeoutMs`; `use`, within that of the worker
   * @throws ContactError INVALID_ARGUMENT naming what is no function or the option that is wrong
   * @example
   * createWorker({ server, timeoutMs: 60_000, tasks: [sums.handle(({ a, b }) => a + b, { concurrency: 8, timeoutMs: 5_000 })] });
   */
  handle(handler: Handler<Payload, Returned>, options?: HandleOptions): TaskHandler;
}

const DEFINE_RULES: check.Rules = Object.freeze({
  ...TERMS_RULES,
  queue: check.name,
  input: isSchema,
  output: isSchema,
} satisfies Record<keyof SchemaTaskOptions<StandardSchema, StandardSchema>, check.Check>);

/**
 * Defines one kind of task for who enqueues it and who runs it, in a file that both import: the compiler refuses an input and
 * a result of another type, and schemas look at what comes off the wire. Payloads and results are JSON, whatever codec the
 * producer or the worker has.
 * @throws ContactError INVALID_ARGUMENT naming the option that is wrong
 * @example
 * const sums = defineTask({ queue: 'sums', input: z.object({ a: z.number(), b: z.number() }), output: z.number(), maxAttempts: 3 });
 * await sums.enqueue(producer, { a: 1, b: 2 });
 * const sum = await sums.call(producer, { a: 1, b: 2 }, { deadlineMs: 5_000 });
 * createWorker({ server, tasks: [sums.handle(({ a, b }) => a + b, { concurrency: 8 })] });
 * @example
 * const mails = defineTask<{ to: string }, void>({ queue: 'mails' }); // for the compiler alone: nothing is looked at
 */
export function defineTask<In = unknown, Out = unknown>(
  options: PlainTaskOptions,
): DefinedTask<In, JsonOf<In>, Out, JsonResult<Out>>;
export function defineTask<
  I extends StandardSchema = StandardSchema<unknown>,
  O extends StandardSchema = StandardSchema<unknown>,
>(options: SchemaTaskOptions<I, O>): DefinedTask<InputOf<I>, OutputOf<I>, InputOf<O>, JsonResult<OutputOf<O>>>;
export function defineTask(
  options: PlainTaskOptions | SchemaTaskOptions<StandardSchema, StandardSchema>,
): DefinedTask<unknown, unknown, unknown, unknown> {
  check.checkFields(options, DEFINE_RULES);
  check.checkValue('queue', options.queue, check.name);
  const { queue, input: inputSchema, output: outputSchema, ...terms } = options;

  return Object.freeze({
    queue,
    enqueue: (producer, input, given) =>
      begin(() => judgeInput(inputSchema, input, () => producer.enqueue(queue, input, join(terms, given)))),
    enqueueMany: (producer, inputs, given) =>
      begin(() => {
        check.checkValue('inputs', inputs, check.listOf(check.anything));
        const { signal, deadlineMs, ...common } = join(terms, given);
        const tasks = inputs.map((payload) => ({ ...common, queue, payload }));
        return judgeInputs(inputSchema, inputs, () =>
          producer.enqueueBatch(tasks, {
            ...(signal && { signal }),
            ...(deadlineMs !== undefined && { deadlineMs }),
          }),
        );
      }),
    call: (producer, input, given) =>
      begin(() => judgeInput(inputSchema, input, () => producer.call(queue, input, join(terms, given)))),
    handle(handler, given = {}) {
      check.checkValue('handler', handler, check.method);
      check.checkFields(given, HANDLE_RULES);
      return Object.freeze({ ...given, queue, handler: judging(handler, inputSchema, outputSchema) });
    },
  } satisfies DefinedTask<unknown, unknown, unknown, unknown>);
}

/** What was said of one task over what was said of all; always JSON, which is what the other end reads. */
function join<O extends DefinedOptions>(terms: TaskTerms, given = {} as O): O & { readonly codec: typeof json } {
  check.checkValue('options', given, check.object);
  for (const field of ['codec', 'contentType']) {
    if (field in given) throw invalid(field, 'a defined task is JSON');
  }
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as O;
  const { expiresAfterMs, ...others } = terms;
  const expiry = said.expiresAt || expiresAfterMs === undefined ? {} : { expiresAfterMs };
  return { ...others, ...expiry, ...said, codec: json };
}
