import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { type Server, status } from '@grpc/grpc-js';
import { ContactError, tooLarge } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Places } from '../api/places.ts';
import type { Caller } from '../model/caller.ts';
import { noteCaller } from './callers.ts';
import type { Connections } from './connections.ts';
import type { Front } from './front.ts';
import type { Gate } from './gate.ts';
import { loosenHeaders, takeStreamListener } from './internals.ts';
import type { CountRefusal, TellRefusal } from './refused.ts';
import { closeRefused, faultOf, type HeaderFault, markStatuses, refuse } from './statuses.ts';
import type { Web } from './web.ts';

/** The longest timer of Node.js; grpc-js makes more of it negative, which is over at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const MAX_PATH_LENGTH = 256;
const METHOD_PATH = /^\/[\w.]+\/\w+$/;
const LEGAL_KEY = /^[0-9a-z_.-]+$/;
const LEGAL_VALUE = /^[ -~]*$/;
/** Neither gRPC-Web nor another encoding of messages, which grpc-js would take for gRPC. */
const GRPC = /^application\/grpc(\+proto)?\s*(;|$)/;
/** All that is called gRPC. */
const ANY_GRPC = /^application\/grpc/;
const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const MS_BY_UNIT: ReadonlyMap<string, number> = new Map([
  ['H', 3_600_000],
  ['M', 60_000],
  ['S', 1_000],
  ['m', 1],
  ['u', 1e-3],
  ['n', 1e-6],
]);

export interface GuardOptions {
  readonly logger: Logger;
  readonly gate: Gate;
  readonly tellRefusal: TellRefusal;
  readonly countRefusal: CountRefusal;
  /** Calls that are open, of each principal. */
  readonly places: Pick<Places, 'take'>;
  /** Is told of the connections that begin, and of each call that is let in. */
  readonly connections: Pick<Connections, 'enter' | 'take'>;
  /** Headers of one call, keys and values, without those of HTTP/2 itself. */
  readonly maxHeaderBytes: number;
  readonly front?: Front | undefined;
  /** Takes what is not gRPC; undefined: grpc-js answers that with 415. */
  readonly web?: Pick<Web, 'takeStream'> | undefined;
}

/**
 * Looks at the headers of each call before grpc-js does, which trusts them: it has no option for what is refused or
 * put right here. Whoever is not let in by the gate is refused here too, and nothing of the call is read.
 */
export function guardHeaders(grpcServer: Server, options: GuardOptions): void {
  const { logger, gate, tellRefusal, countRefusal, places, connections, maxHeaderBytes, front, web } = options;
  const { http2Server, handle } = takeStreamListener(grpcServer);
  if (front && !loosenHeaders(http2Server)) {
    logger.warn(
      {},
      'values of metadata that begin or end with a blank do not reach the services of clients: unknown Node.js',
    );
  }
  http2Server.on('session', connections.enter);

  function enter(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rest: unknown[], caller: Caller): void {
    try {
      connections.take(stream, caller);
      const leave = places.take(caller);
      if (leave) stream.once('close', leave);
    } catch (reason) {
      const error = ContactError.from(reason);
      countRefusal(headers, error);
      keepOut(stream, headers, error, caller);
      return;
    }
    take(stream, headers, rest, caller);
  }

  /** The one way out for who is not let in. */
  function keepOut(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    error: ContactError,
    caller?: Caller,
  ): void {
    tellRefusal(stream, headers, error, caller);
    refuse(stream, faultOf(error));
  }

  function take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rest: unknown[], caller: Caller): void {
    noteCaller(stream, caller);
    if (front?.takes(headers, caller) && judgeCaller(headers)) {
      front.take(stream, headers, rest[1] as readonly string[], readTimeoutMs(headers['grpc-timeout']), caller);
      return;
    }
    const refusal = judgeHeaders(headers) ?? judgeMethod(headers, front);
    if (refusal) refuse(stream, refusal);
    else hand(stream, headers, rest);
  }

  function hand(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rest: unknown[]): void {
    dropIllegal(headers);
    markStatuses(stream);
    handle.call(http2Server, stream, headers, ...rest);
    closeRefused(stream);
  }

  http2Server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...rest: unknown[]) => {
    if (!GRPC.test(headers['content-type'] ?? '')) {
      if (web && !ANY_GRPC.test(headers['content-type'] ?? '')) {
        if (weighHeaders(headers) > maxHeaderBytes) stream.respond({ ':status': 431 }, { endStream: true });
        else web.takeStream(stream, headers, rest[1] as readonly string[]);
        return;
      }
      // It is answered in HTTP by grpc-js, and calls nothing.
      delete headers['content-type'];
      hand(stream, headers, rest);
      return;
    }
    const bytes = weighHeaders(headers);
    if (bytes > maxHeaderBytes) {
      const problem = `${bytes} bytes of headers, at most ${maxHeaderBytes} (maxHeaderBytes)`;
      const error = tooLarge(problem, { field: 'metadata' });
      countRefusal(headers, error);
      keepOut(stream, headers, error);
      return;
    }
    gate.decide(
      stream,
      headers,
      (caller) => enter(stream, headers, rest, caller),
      (error, caller) => keepOut(stream, headers, error, caller),
    );
  });
}

/** Keys and values, without what HTTP/2 has of its own: the path has a bound of its own. */
function weighHeaders(headers: IncomingHttpHeaders): number {
  let bytes = 0;
  for (const key in headers) {
    if (key.charCodeAt(0) !== 0x3a) bytes += weighHeader(key, headers[key]);
  }
  return bytes;
}

/** Each of several values brings its key along: set-cookie is all that Node.js has a list of. */
function weighHeader(key: string, value: string | readonly string[] | undefined): number {
  if (typeof value === 'string') return key.length + value.length;
  return (value ?? []).reduce((bytes, one) => bytes + key.length + one.length, 0);
}

/** Whether a call for a callee is taken as it is; if not, it is judged as any other, whose refusal says more. */
function judgeCaller(headers: IncomingHttpHeaders): boolean {
  if (!GRPC.test(headers['content-type'] ?? '') || headers[':method'] !== 'POST') return false;
  if (headers['grpc-timeout'] === undefined) return true;
  const [, value] = TIMEOUT.exec(String(headers['grpc-timeout'])) ?? [];
  return value !== undefined && Number(value) > 0;
}

/** 0: there is no deadline, or none that a timer can keep. */
function readTimeoutMs(text: string | string[] | undefined): number {
  const [, value, unit] = TIMEOUT.exec(String(text)) ?? [];
  if (value === undefined || unit === undefined) return 0;
  const ms = Math.ceil(Number(value) * MS_BY_UNIT.get(unit)!);
  return ms > MAX_TIMER_MS ? 0 : Math.max(1, ms);
}

/** Why a call is not taken; null: it is. A deadline that no timer can keep is left to the client that set it. */
export function judgeHeaders(headers: IncomingHttpHeaders): HeaderFault | null {
  // A request that is not gRPC is answered in HTTP by grpc-js.
  if (!GRPC.test(headers['content-type'] ?? '')) {
    delete headers['content-type'];
    return null;
  }
  if (headers[':method'] !== 'POST') {
    return { code: status.INTERNAL, message: `:method: expected POST, got ${String(headers[':method']).slice(0, 32)}` };
  }
  const path = headers[':path'] ?? '';
  if (path.length > MAX_PATH_LENGTH || !METHOD_PATH.test(path)) {
    return { code: status.UNIMPLEMENTED, message: `no such method: ${path.slice(0, MAX_PATH_LENGTH)}` };
  }
  // A message of a few kilobytes can be unpacked to megabytes, and calls are many.
  const encoding = headers['grpc-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    const message = `grpc-encoding: compressed messages are not taken (${String(encoding).slice(0, 32)}), only identity`;
    return { code: status.UNIMPLEMENTED, message };
  }
  const timeout = headers['grpc-timeout'];
  if (timeout === undefined) return null;
  const [, value, unit] = TIMEOUT.exec(String(timeout)) ?? [];
  if (value === undefined || unit === undefined) {
    return { code: status.INTERNAL, message: 'grpc-timeout: expected 1 to 8 digits and one of H, M, S, m, u, n' };
  }
  if (Number(value) === 0) return { code: status.DEADLINE_EXCEEDED, message: 'the deadline has passed' };
  if (Number(value) * MS_BY_UNIT.get(unit)! > MAX_TIMER_MS) delete headers['grpc-timeout'];
  return null;
}

/** Why a method that is none of the server's own is not called; null: it is one, or the request is not gRPC. */
function judgeMethod(headers: IncomingHttpHeaders, front: Front | undefined): HeaderFault | null {
  if (headers['content-type'] === undefined) return null;
  const message = front?.explainUnknown(headers[':path'] ?? '');
  return message === undefined ? null : { code: status.UNIMPLEMENTED, message, isUnbegun: true };
}

/** Drops what no gRPC metadata may be, as grpc-js would, but with a line on stderr that quotes it in full. */
function dropIllegal(headers: IncomingHttpHeaders): void {
  for (const key in headers) {
    if (key.startsWith(':')) continue;
    if (!LEGAL_KEY.test(key) || !(key.endsWith('-bin') || LEGAL_VALUE.test(String(headers[key])))) delete headers[key];
  }
}
