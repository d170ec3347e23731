import type { UntypedHandleCall } from '@grpc/grpc-js';
import { toStatus } from '../../shared/status.ts';

/** The event of a stream whose request was refused, with the error; who listens ends the stream, also a stuck one. */
export const REFUSED = 'refused';

/** Stands where a request would, in front of a handler: the call ends with its status. */
export class Refusal {
  readonly error: unknown;
  readonly status: ReturnType<typeof toStatus>;

  constructor(error: unknown) {
    this.error = error;
    this.status = toStatus(error);
  }
}

type Status = Refusal['status'];

interface Call {
  readonly request?: unknown;
  push?(message: unknown): boolean;
  emit(event: 'error', status: Status): boolean;
  emit(event: typeof REFUSED, error: unknown): boolean;
}

type Callback = (error: Status | null, ...rest: unknown[]) => void;
type Handle = (call: Call, callback: Callback) => void;

/** A handler that is never given a Refusal. */
export function refusing(handler: UntypedHandleCall): UntypedHandleCall {
  const handle = handler as unknown as Handle;
  const guarded: Handle = (call, callback) => {
    if (call.request instanceof Refusal) {
      // A stream of answers has no callback.
      if (typeof callback === 'function') callback(call.request.status);
      else call.emit('error', call.request.status);
    } else if (call.push) watchRequests(call as Required<Call>, callback, handle);
    else handle(call, callback);
  };
  return guarded as unknown as UntypedHandleCall;
}

/** Requests come into a call by `push`, in their order; after a refused one there are no more. */
function watchRequests(call: Required<Call>, callback: Callback | undefined, handle: Handle): void {
  const push = call.push.bind(call);
  let isRefused = false;
  call.push = (message) => {
    if (isRefused) return false;
    if (!(message instanceof Refusal)) return push(message);
    isRefused = true;
    if (callback) {
      callback(message.status);
      return push(null);
    }
    return call.emit(REFUSED, message.error) || call.emit('error', message.status);
  };
  handle(call, (error, ...rest) => {
    if (!isRefused) callback?.(error, ...rest);
  });
}
