import type { ServerHttp2Stream } from 'node:http2';
import { ContactError } from '../../shared/errors.ts';
import type { Caller } from '../model/caller.ts';
import { streamOf } from './internals.ts';

/** A property of the stream and no table beside it: calls come and go by the thousand. */
const CALLER = Symbol('caller');

interface Marked {
  [CALLER]?: Caller;
}

/** Notes who makes the call that a stream carries, before anybody is given it. */
export function noteCaller(stream: ServerHttp2Stream, caller: Caller): void {
  (stream as Marked)[CALLER] = caller;
}

/** Who makes the call that a stream carries; undefined: nobody was let in. */
export function callerOfStream(stream: ServerHttp2Stream): Caller | undefined {
  return (stream as Marked)[CALLER];
}

/** Who makes a call, as a handler is given it. INTERNAL: it came by a way on which nobody was asked who that is. */
export function callerOf(call: object): Caller {
  const stream = streamOf(call);
  const caller = stream && callerOfStream(stream);
  if (caller) return caller;
  throw new ContactError('INTERNAL', 'a call has come in without a caller');
}
