import { create, type DescMethodUnary, type MessageInitShape, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { CallOptions, ClientUnaryCall, Metadata, requestCallback } from '@grpc/grpc-js';
import { describeThrown } from '../shared/describe.ts';
import { ContactError } from '../shared/errors.ts';
import { cancelCall } from './cancel.ts';
import { adviseCaller } from './closing.ts';
import type { Link } from './link.ts';

/** How long one call may take. */
export interface UnaryOptions {
  /** Milliseconds; default 10,000. */
  readonly deadlineMs?: number;
  /** Ends the wait, which rejects with ContactError CANCELLED. Default: none. */
  readonly signal?: AbortSignal;
}

const DEADLINE_MS = 10_000;
/** The longest deadline that the timers of a call can count: 24 days. */
const MAX_CALL_MS = 24 * 24 * 60 * 60 * 1_000;

/**
 * A unary call as a promise; rejects with a ContactError. A server out of reach is UNAVAILABLE, at once.
 * @param options.token sent in place of that of the connection
 */
export function callUnary<M extends DescMethodUnary>(
  connection: { metadata(entries?: Readonly<Record<string, string>>): Metadata },
  link: Link,
  method: M,
  request: MessageInitShape<M['input']>,
  { deadlineMs = DEADLINE_MS, signal, token }: UnaryOptions & { readonly token?: string } = {},
): Promise<MessageShape<M['output']>> {
  type Send = (
    request: MessageInitShape<M['input']>,
    metadata: Metadata,
    options: CallOptions,
    callback: requestCallback<MessageShape<M['output']>>,
  ) => ClientUnaryCall;
  const client = link.client(method.parent) as unknown as Record<string, Send>;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(new ContactError('CANCELLED', 'cancelled before it was sent'));
      return;
    }
    const deadline = Date.now() + Math.min(deadlineMs, MAX_CALL_MS);
    const metadata = connection.metadata(token === undefined ? {} : { authorization: `Bearer ${token}` });
    const call = client[method.localName]!(request, metadata, { deadline }, (failure, response) => {
      signal?.removeEventListener('abort', onAbort);
      if (response !== undefined && !failure) {
        link.worked();
        resolve(response);
        return;
      }
      const error = ContactError.from(failure);
      // The next call is to try afresh, not to wait for the channel's own backoff.
      if (error.code === 'UNAVAILABLE') link.failed({ error, advice: error.advice ?? null });
      reject(adviseCaller(error));
    });
    const onAbort = (): void => cancelCall(call);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** The request as it will be sent. Throws INVALID_ARGUMENT, with the encoder's message, for one that cannot be. */
export function encodable<M extends DescMethodUnary>(
  method: M,
  request: MessageInitShape<M['input']>,
): MessageShape<M['input']> {
  try {
    const message = create(method.input, request);
    toBinary(method.input, message);
    return message as MessageShape<M['input']>;
  } catch (error) {
    const message = describeThrown(error);
    const [, field = 'request', problem = message] =
      /cannot encode field [\w.]+\.(\w+) to binary: (.*)/s.exec(message) ?? [];
    throw new ContactError('INVALID_ARGUMENT', problem, { field, cause: error });
  }
}
