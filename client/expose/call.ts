import type { Buffer } from 'node:buffer';
import { type ClientHttp2Session, type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import { codeNumber } from '../../shared/errors.ts';
import type { Chunk } from '../../tunnel/chunks.ts';
import { Deframer, frameChunk, type MessagePart } from '../../tunnel/deframe.ts';
import { type End, type Open, type Pair, plainEnd } from '../../tunnel/frame.ts';
import { refuseMetadata } from '../../tunnel/metadata.ts';
import { endOfHttp, endOfReset, readEnd, readHeaders, unavailable, writeRequest } from './http.ts';
import type { Target } from './target.ts';

/** What is heard of a call to a target. */
export interface TargetListener {
  headers(pairs: readonly Pair[]): void;
  part(part: MessagePart): void;
  /** The last that is heard; not after `cancel()`. */
  ended(end: End): void;
}

/** A call to a target: its messages are passed on in parts, as they come, and none is looked into. */
export interface TargetCall {
  /** `onTaken`: the connection has it. */
  chunk(chunk: Omit<Chunk, 'cost'>, onTaken: () => void): void;
  halfClose(): void;
  /** Reads no further, which the target notices. */
  pause(): void;
  resume(): void;
  cancel(): void;
}

export function callTarget(target: Target, open: Open, maxMessageBytes: number, listener: TargetListener): TargetCall {
  const deframer = new Deframer(maxMessageBytes);
  let stream: ClientHttp2Stream | undefined;
  /** What was said before there was a connection; bounded by the window of its caller, to whom nothing is given back. */
  let early: ((stream: ClientHttp2Stream) => void)[] = [];
  let last: End | undefined;
  let isOver = false;
  /**
   * Resets the stream. Its own `close()` would end it first, and a target whose caller has gone in the middle of an upload
   * would take that for whole.
   */
  const resetting = new AbortController();

  function end(given: End): void {
    if (isOver) return;
    isOver = true;
    early = [];
    const problem = refuseMetadata(given.trailers, true);
    listener.ended(
      problem === undefined ? given : plainEnd(codeNumber('INTERNAL'), `metadata for trailers: ${problem}`),
    );
    // What its caller goes on to say reaches nobody.
    resetting.abort();
  }

  function answered(headers: IncomingHttpHeaders, flags: number, raw: readonly string[]): void {
    const fault = endOfHttp(Number(headers[':status']), String(headers['content-type'] ?? ''));
    if (fault) {
      end(readEnd(raw) ?? fault);
      return;
    }
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) {
      last = readEnd(raw);
      return;
    }
    const pairs = readHeaders(raw);
    const problem = refuseMetadata(pairs, false);
    if (problem === undefined) listener.headers(pairs);
    else end(plainEnd(codeNumber('INTERNAL'), `metadata for headers: ${problem}`));
  }

  function read(data: Buffer): void {
    if (isOver) return;
    const fault = deframer.read(data, (part) => listener.part(part));
    if (fault === undefined) return;
    const isOversize = fault >= 0;
    end(
      isOversize
        ? plainEnd(
            codeNumber('RESOURCE_EXHAUSTED'),
            `an answer of ${fault} bytes, at most ${maxMessageBytes} are taken`,
          )
        : plainEnd(codeNumber('INTERNAL'), 'an answer has a flag that gRPC does not know'),
    );
  }

  /** All that the target says has come. */
  function finish(): void {
    if (last && deframer.isInside && last.code === 0)
      last = plainEnd(codeNumber('INTERNAL'), 'an answer ended before it was whole');
    end(last ?? plainEnd(codeNumber('INTERNAL'), 'the target has ended the call without a status'));
  }

  function begin(session: ClientHttp2Session): void {
    if (isOver) return;
    let begun: ClientHttp2Stream;
    try {
      const headers = writeRequest(open, target.scheme, target.authority);
      const { signal } = resetting;
      begun = session.request(headers as unknown as IncomingHttpHeaders, { endStream: false, signal });
    } catch (error) {
      const isGone = session.closed || session.destroyed;
      const { message } = error as Error;
      end(
        isGone ? away(message) : plainEnd(codeNumber('INTERNAL'), `the target cannot be told of the call: ${message}`),
      );
      return;
    }
    stream = begun;
    begun.on('error', () => undefined);
    begun.on('response', (headers, flags, raw?: unknown) => answered(headers, flags, raw as string[]));
    begun.on('trailers', (_, _flags, raw?: unknown) => {
      last ??= readEnd(raw as string[]);
    });
    begun.on('data', read);
    // The trailers come before or after it.
    begun.once('end', () => {
      if (last) finish();
      else setImmediate(() => (begun.rstCode === 0 && !session.destroyed ? finish() : undefined));
    });
    begun.once('close', () => {
      if (last || begun.rstCode === 0) finish();
      else end(session.destroyed ? gone(begun) : endOfReset(begun.rstCode));
    });
    for (const say of early.splice(0)) say(begun);
  }

  const away = (why: string): End => unavailable(`the target ${target.address} is away: ${why}`, 'no');
  /** One that never got a number of its own was not sent. */
  const gone = ({ id }: ClientHttp2Stream): End =>
    id === undefined
      ? away('it has closed the connection')
      : unavailable(`the target ${target.address} has gone`, 'maybe');

  function say(what: (stream: ClientHttp2Stream) => void): void {
    if (isOver) return;
    if (stream) what(stream);
    else early.push(what);
  }

  target.session().then(begin, (error: Error) => end(away(error.message)));

  return {
    chunk(chunk, onTaken) {
      const data = frameChunk(chunk);
      say((there) => {
        if (there.writable) there.write(data, onTaken);
      });
    },
    halfClose: () => say((there) => void (there.writable && there.end())),
    pause: () => void stream?.pause(),
    resume: () => void stream?.resume(),
    cancel() {
      if (isOver) return;
      isOver = true;
      early = [];
      resetting.abort();
    },
  };
}
