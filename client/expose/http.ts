import { Buffer } from 'node:buffer';
import { constants } from 'node:http2';
import { codeNumber } from '../../shared/errors.ts';
import { type End, NO_DETAILS, type Open, type Pair, plainEnd } from '../../tunnel/frame.ts';
import { readPairs } from '../../tunnel/headers.ts';
import { ENCODING_KEY, STARTED_KEY, withoutOurs } from '../../tunnel/metadata.ts';

// How a call of a tunnel stands in HTTP/2, and the other way round: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

const STATUS_KEY = 'grpc-status';
const MESSAGE_KEY = 'grpc-message';
const DETAILS_KEY = 'grpc-status-details-bin';
const OF_GRPC = 'grpc-';
const NOTHING: ReadonlySet<string> = new Set();
/** The longest number that `grpc-timeout` takes. */
const MAX_TIMEOUT = 99_999_999;

/** What answers of HTTP that are not gRPC's come to. */
const CODE_BY_HTTP_STATUS: Readonly<Record<number, number>> = {
  400: codeNumber('INTERNAL'),
  401: codeNumber('UNAUTHENTICATED'),
  403: codeNumber('PERMISSION_DENIED'),
  404: codeNumber('UNIMPLEMENTED'),
  429: codeNumber('UNAVAILABLE'),
  502: codeNumber('UNAVAILABLE'),
  503: codeNumber('UNAVAILABLE'),
  504: codeNumber('UNAVAILABLE'),
};

const CODE_BY_RESET: Readonly<Record<number, number>> = {
  [constants.NGHTTP2_CANCEL]: codeNumber('CANCELLED'),
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: codeNumber('RESOURCE_EXHAUSTED'),
  [constants.NGHTTP2_INADEQUATE_SECURITY]: codeNumber('PERMISSION_DENIED'),
};

/** The headers of a call, in their order: names and values in turns. */
export function writeRequest({ method, metadata, timeoutMs }: Open, scheme: string, authority: string): string[] {
  const headers = [':method', 'POST', ':scheme', scheme, ':path', `/${method}`, ':authority', authority];
  headers.push('te', 'trailers', 'content-type', 'application/grpc');
  if (timeoutMs > 0) headers.push('grpc-timeout', writeTimeout(timeoutMs));
  for (const { key, value } of metadata) {
    headers.push(key, typeof value === 'string' ? value : value.toString('base64'));
  }
  return headers;
}

function writeTimeout(ms: number): string {
  return ms <= MAX_TIMEOUT ? `${ms}m` : `${Math.ceil(ms / 1_000)}S`;
}

/** The metadata before the answers. */
export function readHeaders(rawHeaders: readonly string[]): readonly Pair[] {
  const pairs = withoutOurs(readPairs(rawHeaders, NOTHING));
  return pairs.filter(({ key }) => !key.startsWith(OF_GRPC) || key === ENCODING_KEY);
}

/** The status that stands in headers or trailers; undefined: there is none. */
export function readEnd(rawHeaders: readonly string[]): End | undefined {
  const pairs = readPairs(rawHeaders, NOTHING);
  const find = (wanted: string): string | Buffer | undefined => pairs.find(({ key }) => key === wanted)?.value;
  const text = find(STATUS_KEY);
  if (text === undefined) return undefined;
  const code = Number(text);
  const isCode = Number.isInteger(code) && code >= 0 && code <= 16;
  const details = find(DETAILS_KEY);
  return {
    code: isCode ? code : codeNumber('UNKNOWN'),
    message: decodeMessage(String(find(MESSAGE_KEY) ?? '')),
    statusDetails: Buffer.isBuffer(details) ? details : NO_DETAILS,
    // What a target says of a call that it made itself is not said of this one.
    trailers: withoutOurs(pairs).filter(({ key }) => !key.startsWith(OF_GRPC)),
  };
}

/** Percent-encoded UTF-8; what is not that stays as it is. */
function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The end of a call that was answered by something that speaks no gRPC; undefined: it does. */
export function endOfHttp(httpStatus: number, contentType: string): End | undefined {
  if (httpStatus === 200 && contentType.startsWith('application/grpc')) return undefined;
  const code = CODE_BY_HTTP_STATUS[httpStatus] ?? codeNumber('UNKNOWN');
  return plainEnd(code, `the target answers in HTTP and not in gRPC: ${httpStatus} ${contentType.slice(0, 64)}`);
}

/** The end of a call whose stream was closed without a status. */
export function endOfReset(rstCode: number): End {
  const isRefused = rstCode === constants.NGHTTP2_REFUSED_STREAM;
  if (isRefused) return unavailable('the target has refused the call', 'no');
  const code = CODE_BY_RESET[rstCode] ?? codeNumber('INTERNAL');
  return plainEnd(code, `the target has closed the call without a status (HTTP/2 code ${rstCode})`);
}

/** @param isStarted whether the target may have begun with the call */
export function unavailable(message: string, isStarted: 'no' | 'maybe'): End {
  return plainEnd(codeNumber('UNAVAILABLE'), message, [{ key: STARTED_KEY, value: isStarted }]);
}

/** It was never seen by the target, so it may be made again. */
export function isUnseen({ code, trailers }: End): boolean {
  return code === codeNumber('UNAVAILABLE') && trailers.some(({ key, value }) => key === STARTED_KEY && value === 'no');
}
