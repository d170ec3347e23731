import { constants, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import type { Metadata } from '@grpc/grpc-js';
import type { toStatus } from '../../shared/status.ts';
import type { WritableCall } from '../../shared/streams.ts';
import { streamOf } from './internals.ts';
import type { REFUSED } from './refusal.ts';

/** The answering half of a server's streaming call. */
export interface AnsweringCall<T> extends WritableCall<T> {
  readonly metadata: Metadata;
  readonly writableEnded: boolean;
  getPeer(): string;
  /** The method that was called: `/contact.v1.TaskService/CallTask`. */
  getPath(): string;
  emit(event: 'error', status: ReturnType<typeof toStatus>): boolean;
  on(event: typeof REFUSED, listener: (error: unknown) => void): unknown;
  on(event: string, listener: () => void): unknown;
}

/** Whether nothing more can be written to the call. */
export function isOver<T>(call: AnsweringCall<T>): boolean {
  return call.destroyed || call.writableEnded || call.cancelled === true;
}

/** Calls `listener` for every piece of what the client sends; grpc-js tells of whole messages only. */
export function onPiece(call: object, listener: () => void): void {
  streamOf(call)?.on('data', listener);
}

/** What tells of a connection whether it lives, after one of its streams was reset. */
export interface SignsOfLife {
  /** Resolves true when the peer has answered a PING, false when the connection went first. */
  readonly answered: Promise<boolean>;
  /** Counts the bytes of all that came from the peer. */
  countRead(): number;
}

/**
 * Resets the stream of a call, whatever waits to be read on either side, and leaves its connection to the other calls.
 * A reset that only the kernel has taken frees nothing at the peer, so a PING is sent along. Undefined: the stream has
 * gone by itself.
 */
export function resetStream(call: object): SignsOfLife | undefined {
  const stream = streamOf(call);
  const session = stream?.session;
  if (!stream || !session || stream.destroyed) return undefined;
  const answered = session.destroyed ? Promise.resolve(false) : ping(session);
  cancelStream(stream);
  return { answered, countRead: () => (session.destroyed ? 0 : session.socket.bytesRead) };
}

/** A stream that is not read stays, with all that waits in it, whatever was said to its peer: it waits for its end. */
export function cancelStream(stream: ServerHttp2Stream): void {
  stream.close(constants.NGHTTP2_CANCEL);
  stream.resume();
}

/**
 * Resets a stream with a code that gRPC clients know as RESOURCE_EXHAUSTED: its status would wait behind what is not
 * read, which is what has to go.
 */
export function dropStream(call: object): void {
  const stream = streamOf(call);
  stream?.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  stream?.resume();
}

/**
 * The PING under way of each connection, one at a time, as HTTP/2 allows few: it tells for all streams that are stuck.
 */
const pings = new WeakMap<Http2Session, Promise<boolean>>();

function ping(session: Http2Session): Promise<boolean> {
  const known = pings.get(session);
  if (known) return known;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  pings.set(session, promise);
  session.ping((error) => {
    pings.delete(session);
    // A PING that was refused, as too many are on their way, tells nothing: what comes from the peer does.
    if (error === null || session.destroyed) resolve(error === null);
  });
  return promise;
}
