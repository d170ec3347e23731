import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { codeNumber, statusText } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Chunk } from '../../tunnel/chunks.ts';
import { frameChunk } from '../../tunnel/deframe.ts';
import { type End, type Pair, plainEnd } from '../../tunnel/frame.ts';
import { ACCEPT_ENCODING_KEY } from '../tunnel/encoding.ts';
import { ACCEPTED_ENCODINGS } from '../tunnel/inflate.ts';

/** Node.js would add a date, which the callee has not said; its types do not know the option. */
const AS_IT_IS: object = { sendDate: false };

/** The answering half of a call that is taken off HTTP/2. */
export interface Answer {
  /** Once, before the first chunk; without it they are empty. */
  headers(pairs: readonly Pair[]): void;
  /** `onTaken`: the connection has it. */
  chunk(chunk: Chunk, onTaken: () => void): void;
  /** Once; the stream ends with it. */
  end(end: End): void;
}

export function createAnswer(stream: ServerHttp2Stream, contentType: string, logger: Logger): Answer {
  const base = { ':status': 200, 'content-type': contentType };
  let trailers: OutgoingHttpHeaders | undefined;
  let isOver = false;

  /**
   * Once all has left, a client that goes on sending is told to stop; what it says after that nobody hears. One that has
   * ended needs no reset, before which HTTP/2 would write all that is pending: a system call for each call.
   */
  function close(): void {
    if (stream.readableEnded) return;
    setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
  }

  function headers(pairs: readonly Pair[]): void {
    if (isOver || stream.headersSent || stream.destroyed) return;
    const all = writePairs(pairs, { ...base, [ACCEPT_ENCODING_KEY]: ACCEPTED_ENCODINGS });
    stream.once('wantTrailers', () => {
      trySend(trailers ?? writeStatus(plainEnd(codeNumber('INTERNAL'), 'no status')), (last) =>
        stream.sendTrailers(last),
      );
      close();
    });
    trySend(all, (first) => stream.respond(first, { waitForTrailers: true, ...AS_IT_IS }));
  }

  function end(last: End): void {
    if (isOver) return;
    isOver = true;
    if (stream.destroyed || stream.closed) return;
    if (stream.headersSent) {
      trailers = writeStatus(last);
      stream.end();
      return;
    }
    trySend({ ...base, ...writeStatus(last) }, (all) => stream.respond(all, { endStream: true, ...AS_IT_IS }));
    close();
  }

  /** Older versions of Node.js refuse to repeat some keys, `date` and `etag` among them: their values share a header there. */
  function trySend(all: OutgoingHttpHeaders, send: (all: OutgoingHttpHeaders) => void): void {
    try {
      send(all);
      return;
    } catch {
      // It has sent nothing.
    }
    try {
      send(joinRepeated(all));
    } catch (error) {
      logger.warn({ err: error }, 'metadata of a callee cannot be sent');
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }

  return {
    headers,
    chunk(chunk, onTaken) {
      if (isOver) return;
      headers([]);
      if (stream.destroyed) return;
      stream.write(frameChunk(chunk), onTaken);
    },
    end,
  };
}

function writeStatus({ code, message, statusDetails, trailers }: End): OutgoingHttpHeaders {
  const status: OutgoingHttpHeaders = { 'grpc-status': code };
  if (message !== '') status['grpc-message'] = encodeURI(statusText(message));
  if (statusDetails.byteLength > 0) status['grpc-status-details-bin'] = statusDetails.toString('base64');
  return writePairs(trailers, status);
}

/** Repeated keys become repeated headers, in their order. */
function writePairs(pairs: readonly Pair[], into: OutgoingHttpHeaders): OutgoingHttpHeaders {
  if (pairs.length === 0) return into;
  // A key may be any word, `constructor` too.
  const all = new Map(Object.entries(into));
  for (const { key, value } of pairs) {
    const text = typeof value === 'string' ? value : value.toString('base64');
    const before = all.get(key);
    if (before === undefined) all.set(key, text);
    else if (Array.isArray(before)) before.push(text);
    else all.set(key, [String(before), text]);
  }
  return Object.fromEntries(all);
}

/** Says the same of a key by one header, as HTTP and gRPC allow. */
function joinRepeated(all: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const pairs = Object.entries(all).map(
    ([key, value]) => [key, Array.isArray(value) ? value.join(',') : value] as const,
  );
  return Object.fromEntries(pairs);
}
