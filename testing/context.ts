import { create } from '@bufbuild/protobuf';
import * as check from '../client/check.ts';
import { WorkerDelivery } from '../client/delivery.ts';
import type { LogLevel, TaskContext } from '../client/handler.ts';
import { AssignmentSchema, LimitsSchema } from '../gen/contact/v1/contact_pb.ts';
import { newTaskId } from '../shared/ids.ts';

/** What the task of a `mockContext()` is; what is not said is as in the first attempt of a task of the queue `test`. */
export type MockContextOptions = Partial<
  Pick<
    TaskContext,
    'taskId' | 'queue' | 'attempt' | 'maxAttempts' | 'delivery' | 'metadata' | 'contentType' | 'checkpoint'
  >
>;

/** What a handler is given, which keeps what the handler says. */
export interface MockContext extends TaskContext {
  /** Every call of `progress()`, as it would be sent. */
  readonly progressed: readonly { readonly fraction: number; readonly message: string }[];
  /** Every call of `saveCheckpoint()`. */
  readonly checkpoints: readonly Uint8Array[];
  /** Every call of `log()`, as it would be sent. */
  readonly logged: readonly { readonly level: LogLevel; readonly text: string }[];
  /** Aborts the signal as a cancel does: its reason is a ContactError CANCELLED with these words. */
  abort(reason?: string): void;
}

const MAX_UINT32 = 2 ** 32 - 1;
const isCheckpoint: check.Check = (value) =>
  value === null || value instanceof Uint8Array ? null : 'a Uint8Array or null';

const RULES: Readonly<Record<keyof MockContextOptions, check.Check>> = Object.freeze({
  taskId: check.someText,
  queue: check.name,
  attempt: check.integer(1, MAX_UINT32),
  maxAttempts: check.integer(1, 1_000),
  delivery: check.integer(1, MAX_UINT32),
  metadata: check.recordOf(check.text),
  contentType: check.text,
  checkpoint: isCheckpoint,
});
/** As a server has them that is told nothing. */
const LIMITS = create(LimitsSchema, { maxCheckpointBytes: 64 * 1024 });

/**
 * What a handler is given, for a test that calls it without a server. It refuses what the context of a worker refuses.
 * @throws ContactError INVALID_ARGUMENT naming the option that is wrong
 * @example
 * const context = mockContext({ attempt: 2 });
 * assert.equal(await resize({ path: 'a.png' }, context), 'a-small.png');
 * assert.deepEqual(context.progressed.at(-1), { fraction: 1, message: '' });
 */
export function mockContext(options: MockContextOptions = {}): MockContext {
  check.checkFields(options, RULES);
  const { taskId = newTaskId(), queue = 'test', attempt = 1, maxAttempts = 5, delivery = attempt } = options;
  const { metadata = {}, contentType = 'application/json', checkpoint = null } = options;
  const told = { taskId, queue, attempt, maxAttempts, delivery, metadata: { ...metadata }, contentType };
  // They are as long as the test that reads them has its handler speak.
  const progressed: { fraction: number; message: string }[] = [];
  const checkpoints: Uint8Array[] = [];
  const logged: { level: LogLevel; text: string }[] = [];
  const task = new WorkerDelivery(create(AssignmentSchema, told), LIMITS, {
    progressed: ({ newProgress }) => progressed.push(newProgress!),
    checkpointed: ({ newCheckpoint }) => checkpoints.push(newCheckpoint!),
    logged: (_task, said) => logged.push(said),
  });
  task.state = 'running';
  return Object.freeze({
    ...told,
    checkpoint,
    signal: task.signal,
    progress: task.progress,
    saveCheckpoint: task.saveCheckpoint,
    log: task.log,
    progressed,
    checkpoints,
    logged,
    abort: (reason = 'aborted by the test') => task.abort('cancel', reason),
  });
}
