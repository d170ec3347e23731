import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { type ContactError, REASON_KEY, RETRY_KEY, statusText } from '../../shared/errors.ts';
import { markOf, toStatus } from '../../shared/status.ts';
import { STARTED_KEY } from '../../tunnel/metadata.ts';

// How calls end that no handler of ours ends: refused by their headers, or by grpc-js, whose statuses have no mark.

/** The message, encoded, by which grpc-js refuses a call whose request came never or twice. */
const COUNT = /^Received%20(no|a%20second)%20request%20message%20/;

/** Why a call is refused before anybody has it. */
export interface HeaderFault {
  readonly code: status;
  readonly message: string;
  /** It could have been for a client, and none has begun it. */
  readonly isUnbegun?: boolean;
  /** The mark, and what else belongs to the status. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Puts the mark into whatever status grpc-js gives the stream by itself. */
export function markStatuses(stream: ServerHttp2Stream): void {
  stream.respond = respond;
  stream.sendTrailers = sendTrailers;
}

/** A stream that was refused, by whomever, is over once its answer has left: a client that never ends it would keep it. */
export function closeRefused(stream: ServerHttp2Stream): void {
  if (stream.writableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
}

export function faultOf(error: ContactError): HeaderFault {
  const { code, details, metadata } = toStatus(error);
  return { code, message: details, headers: metadata.getMap() as Record<string, string> };
}

/** Ends a stream by its headers alone. */
export function refuse(stream: ServerHttp2Stream, { code, message, isUnbegun, headers }: HeaderFault): void {
  // The client may go meanwhile, and an error that nobody listens for ends the process.
  stream.on('error', () => undefined);
  const answer = {
    ':status': 200,
    'content-type': 'application/grpc+proto',
    'grpc-status': code,
    'grpc-message': encodeURI(statusText(message)),
    'grpc-accept-encoding': 'identity',
    ...(isUnbegun ? { [STARTED_KEY]: 'no' } : {}),
    ...headers,
  };
  mark(answer);
  stream.respond(answer, { endStream: true });
  // What has come already is thrown away.
  stream.resume();
  closeRefused(stream);
}

/**
 * grpc-js says UNIMPLEMENTED, which is final, of a call of one request that has none, or two. The first comes of a body
 * that was cut on its way, and may be sent again.
 */
function explainCount(headers: OutgoingHttpHeaders): void {
  if (Number(headers['grpc-status']) !== status.UNIMPLEMENTED) return;
  const [, count] = COUNT.exec(String(headers['grpc-message'] ?? '')) ?? [];
  if (count === undefined) return;
  const isNone = count === 'no';
  headers['grpc-status'] = isNone ? status.INTERNAL : status.INVALID_ARGUMENT;
  headers['grpc-message'] = encodeURI(
    isNone ? 'the request ended before its message was whole' : 'the request has two messages, and may have one',
  );
}

/** Adds the mark to a status that grpc-js gives by itself: of unknown methods, say, and of passed deadlines. */
function mark(headers: OutgoingHttpHeaders): void {
  const code = Number(headers['grpc-status'] ?? status.OK);
  if (code === status.OK || REASON_KEY in headers) return;
  const { reason, retry } = markOf(code);
  headers[REASON_KEY] = reason;
  headers[RETRY_KEY] = retry;
}

/** In place of a stream's own `respond`, by which a status without an answer before it goes. */
function respond(this: ServerHttp2Stream, headers?: OutgoingHttpHeaders, options?: object): void {
  if (headers) {
    explainCount(headers);
    mark(headers);
    // Compressed messages are refused, so they are not offered.
    if ('grpc-accept-encoding' in headers) headers['grpc-accept-encoding'] = 'identity';
  }
  Object.getPrototypeOf(this).respond.call(this, headers, options);
}

/** In place of a stream's own `sendTrailers`. */
function sendTrailers(this: ServerHttp2Stream, headers: OutgoingHttpHeaders): void {
  mark(headers);
  Object.getPrototypeOf(this).sendTrailers.call(this, headers);
}
