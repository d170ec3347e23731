import { type DescMethod, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { Metadata, status } from '@grpc/grpc-js';
import type { Pair } from '../../tunnel/frame.ts';
import type { Codec } from '../codec.ts';
import { relayFailure, TaskFailure, TaskRelease } from '../failure.ts';
import type { Handler, TaskContext } from '../handler.ts';
import { encodeAnswer, type Surroundings } from './run.ts';
import type { AnyHandler, CallContext } from './service.ts';
import { endOf, metadataOf, tellFailure } from './status.ts';

/** By which a call that was kept is run again, as the policy of its task says; any other code is final. */
export const RETRIED: ReadonlySet<number> = new Set([status.UNAVAILABLE, status.ABORTED, status.RESOURCE_EXHAUSTED]);
const MAX_QUEUE_LENGTH = 128;

type Message = MessageShape<DescMethod['input']>;

/** How the calls of one method are run that come as tasks. */
export interface KeptMethod {
  readonly handler: Handler<Message, unknown>;
  readonly codec: Codec<unknown, Message>;
}

/** Whether calls of a method may be kept: only unary ones are, under names that a queue may have. */
export function canKeep(name: string, { methodKind }: DescMethod): boolean {
  return methodKind === 'unary' && name.length <= MAX_QUEUE_LENGTH;
}

/** Undefined: calls of this method are not kept. */
export function keepMethod(
  name: string,
  descriptor: DescMethod,
  handler: AnyHandler,
  { logger }: Surroundings,
): KeptMethod | undefined {
  if (!canKeep(name, descriptor)) return undefined;
  const run = handler as AnyHandler as (request: Message, context: CallContext) => unknown;
  return {
    codec: {
      contentType: 'application/protobuf',
      decode: (bytes) => fromBinary(descriptor.input, bytes),
      encode: (answer) => encodeAnswer(descriptor.output, answer),
    },
    async handler(request, task) {
      const context = contextOf(task);
      try {
        return await run(request, context);
      } catch (error) {
        // What it throws because it was told to end is no answer.
        if (task.signal.aborted || error instanceof TaskFailure || error instanceof TaskRelease) throw error;
        tellFailure(logger, name, error);
        const { code, message, statusDetails: details } = endOf(context.trailers, error ?? 'undefined');
        const retry = RETRIED.has(code) ? 'policy' : 'never';
        throw relayFailure(message, { code: status[code]!, retry, details, cause: error });
      }
    },
  };
}

/** The caller's metadata, as the task has it: values of a key are joined with commas, bytes are in base64. */
export function pairsOfTask({ taskId, metadata }: TaskContext): Pair[] {
  const pairs = Object.entries(metadata).flatMap(([key, value]): Pair[] =>
    key.endsWith('-bin')
      ? value.split(',').map((one) => ({ key, value: Buffer.from(one, 'base64') }))
      : [{ key, value }],
  );
  return [...pairs, { key: 'contact-task', value: taskId }];
}

/** What a handler knows of a call whose caller may be gone: headers and trailers reach nobody. */
function contextOf(task: TaskContext): CallContext {
  const nobody = { deadline: undefined, caller: '', sendHeaders: () => undefined, trailers: new Metadata() };
  return { metadata: metadataOf(pairsOfTask(task)), signal: task.signal, ...nobody };
}
