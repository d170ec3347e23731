import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Server, StatusObject } from '@grpc/grpc-js';
import { ContactError } from '../../shared/errors.ts';

// All private fields of grpc-js, and of Node's HTTP/2 server below it, that the server reads or replaces, in one place:
// whoever raises its version reads this file beside it. docs/decisions/0014-inside-grpc-js.md says why they are needed.

export type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...rest: unknown[]) => void;

/** What a server of grpc-js listens with, out of whose place it was taken. */
export interface StreamIntake {
  readonly http2Server: Http2Server;
  /** Takes a stream into grpc-js. */
  readonly handle: StreamListener;
}

/** Takes the listener for streams off the server. INTERNAL: this version of grpc-js has no such one, so nothing starts. */
export function takeStreamListener(grpcServer: Server): StreamIntake {
  const { http2Servers } = grpcServer as unknown as { readonly http2Servers?: ReadonlyMap<Http2Server, unknown> };
  const http2Server = http2Servers?.size === 1 ? [...http2Servers.keys()][0] : undefined;
  const listeners = http2Server?.listeners('stream') as StreamListener[] | undefined;
  const [handle] = listeners ?? [];
  if (!http2Server || !handle || listeners?.length !== 1) {
    throw new ContactError('INTERNAL', 'this version of grpc-js listens for calls in an unknown way');
  }
  http2Server.removeAllListeners('stream');
  return { http2Server, handle };
}

/** Options of Node's HTTP/2 server, which grpc-js makes and does not pass them to. */
const LOOSE = {
  /** Headers whose value begins or ends with a blank would be dropped without a word. */
  strictFieldWhitespaceValidation: false,
  /** Some forty keys of HTTP, `etag` and `date` among them, could not be said twice. */
  strictSingleValueFields: false,
};

/**
 * Has the connections to come take headers as gRPC does. False: this version of Node.js keeps the options of its server in an
 * unknown way, and nothing is changed.
 */
export function loosenHeaders(http2Server: object): boolean {
  for (const key of Object.getOwnPropertySymbols(http2Server)) {
    const options: unknown = key.description === 'options' && Reflect.get(http2Server, key);
    // What every server of grpc-js is made with shows that these are the options of the server.
    if (typeof options !== 'object' || !options || !('maxSendHeaderBlockLength' in options)) continue;
    Object.assign(options, LOOSE);
    return true;
  }
  return false;
}

/** What grpc-js keeps of a call behind the object that a handler is given: the key by which both know it. */
export function innerOf(call: object): object | undefined {
  return (call as { readonly call?: object }).call;
}

/** The HTTP/2 stream of a call that a handler is given; where it is not found nothing is reset, and tests fail. */
export function streamOf(call: object): ServerHttp2Stream | undefined {
  return (call as { readonly call?: { readonly stream?: ServerHttp2Stream } }).call?.stream;
}

/** The status of a call; without metadata where grpc-js gives it by itself. */
export type StatusOfCall = Pick<StatusObject, 'code' | 'details'> & {
  readonly metadata?: StatusObject['metadata'] | null;
};

/**
 * What grpc-js knows of a call that it reads, as an interceptor is given it. It keeps the pieces of a message until it is
 * whole, and an answer until it is read, and tells nobody.
 */
export interface InnerCall {
  readonly stream: ServerHttp2Stream;
  readonly decoder: {
    write(this: InnerCall['decoder'], data: Buffer): unknown;
    /** 0: between two messages. */
    readonly readState: number;
    readonly readMessageSize: number;
    readonly readMessageRemaining: number;
    /** The pieces of a message, in a new array for each; those of the last one stay there until the next begins. */
    readPartialMessage: Buffer[];
    /** A slice of the piece that a message began in, which it keeps. Never written to. */
    readCompressFlag: Buffer;
  };
  readonly receivedHalfClose: boolean;
  sendMessage(this: InnerCall, message: unknown, callback: () => void): void;
  sendStatus(this: InnerCall, status: StatusOfCall): void;
  /** The client sends no more; also the beginning of a reset. */
  handleEndEvent(this: InnerCall): void;
}

/** The inside of a call. INTERNAL: this version of grpc-js keeps its calls in another form, so they cannot be watched. */
export function insideOf(call: object): InnerCall {
  if (hasShape(call)) return call;
  throw new ContactError('INTERNAL', 'this version of grpc-js keeps its calls in an unknown form');
}

function hasShape(call: object): call is InnerCall {
  const { stream, decoder, receivedHalfClose, sendMessage, sendStatus, handleEndEvent } = call as Partial<InnerCall>;
  return (
    typeof stream?.once === 'function' &&
    typeof decoder?.write === 'function' &&
    typeof decoder.readState === 'number' &&
    typeof decoder.readMessageSize === 'number' &&
    typeof decoder.readMessageRemaining === 'number' &&
    Array.isArray(decoder.readPartialMessage) &&
    decoder.readCompressFlag instanceof Uint8Array &&
    typeof receivedHalfClose === 'boolean' &&
    typeof sendMessage === 'function' &&
    typeof sendStatus === 'function' &&
    typeof handleEndEvent === 'function'
  );
}
