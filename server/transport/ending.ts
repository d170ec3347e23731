import { type ServerInterceptor, status } from '@grpc/grpc-js';
import { ContactError, tooLarge } from '../../shared/errors.ts';
import { toStatus } from '../../shared/status.ts';
import { countCode } from '../model/figures.ts';
import { type InnerCall, innerOf, insideOf, type StatusOfCall } from './internals.ts';

/** A request that came without the rest of its last message: the client or something on the way has cut it. */
const CUT = new ContactError('INTERNAL', 'the request ended before its message was whole');

/** Who is told of the status of a call, once. One for each call that asked, which is the bound. */
const listeners = new WeakMap<object, (error: ContactError) => void>();

/**
 * Calls `listener` with the error that a call ends with as soon as that is known, whoever ends it: its handler, a
 * deadline, or grpc-js, which tells handlers of an end and of no reason. Not for OK.
 */
export function whenEnded(call: object, listener: (error: ContactError) => void): void {
  const inner = innerOf(call);
  if (inner) listeners.set(inner, listener);
}

/**
 * An interceptor that puts into our words what grpc-js ends calls for by itself: a message that is larger than any may
 * be, and one that is not whole when its stream ends, which grpc-js takes for a half-close.
 * @param ended counts how calls end, by code
 */
export function createEndings(maxMessageBytes: number, ended: number[]): ServerInterceptor {
  function explain(call: InnerCall, given: StatusOfCall): StatusOfCall {
    const { readMessageSize } = call.decoder;
    if (given.code !== status.RESOURCE_EXHAUSTED || given.metadata || readMessageSize <= maxMessageBytes) return given;
    const problem = `a message of ${readMessageSize} bytes, at most ${maxMessageBytes} are taken`;
    return toStatus(tooLarge(problem, { field: 'request' }));
  }

  // One function each for all calls, over those of grpc-js.
  function sendStatus(this: InnerCall, given: StatusOfCall): void {
    const known = explain(this, given);
    countCode(ended, known.code);
    Object.getPrototypeOf(this).sendStatus.call(this, known);
    const listener = listeners.get(this);
    listeners.delete(this);
    if (known.code !== status.OK) listener?.(ContactError.from(Object.assign(new Error(known.details), known)));
  }

  function takeEnd(this: InnerCall): void {
    if (this.decoder.readState !== 0) this.sendStatus(toStatus(CUT));
    else Object.getPrototypeOf(this).handleEndEvent.call(this);
  }

  return (_method, call) => {
    const inner = insideOf(call);
    inner.sendStatus = sendStatus;
    inner.handleEndEvent = takeEnd;
    // As in `createOpenCalls`.
    return call as ReturnType<ServerInterceptor>;
  };
}
