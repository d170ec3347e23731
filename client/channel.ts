import * as grpc from '@grpc/grpc-js';
import { invalid, plainWords } from '../shared/errors.ts';
import { nameServer } from './credentials.ts';
import type { TlsOptions } from './options.ts';

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** At most one window of HTTP/2 (64 KiB) is in the way of an answer: 8 s at 8 KiB/s. */
const ANSWER_KEEPALIVES = 2;

/**
 * A channel without a call for this long closes its connection, and opens another one with the next call. A server does the same a minute
 * later (`maxConnectionIdleMs`): a call that was under way to it just then would be refused, and nobody makes it again.
 */
export const IDLE_MS = 240_000;

/** Whoever reads that a server is out of reach shall know who said so. */
export function nameProxy(proxy: string): grpc.Interceptor {
  const name = (end: grpc.StatusObject): grpc.StatusObject => {
    if (end.code !== grpc.status.UNAVAILABLE) return end;
    const details = plainWords(end.details);
    // What grpc-js says of a proxy that does not answer or refuses the tunnel.
    return { ...end, details: `${details === 'undefined' ? 'no tunnel to the server' : details}, via proxy ${proxy}` };
  };
  const listener = new grpc.ListenerBuilder().withOnReceiveStatus((end, next) => next(name(end))).build();
  return (options, nextCall) =>
    new grpc.InterceptingCall(nextCall(options), {
      start: (metadata, _, next) => next(metadata, listener),
    });
}

export interface ChannelOptions {
  /** HOST:PORT or `unix:PATH`. */
  readonly server: string;
  readonly tls: TlsOptions | undefined;
  readonly credentials: grpc.ChannelCredentials;
  readonly keepaliveMs: number;
  /** The one that the channel goes through; null: none. */
  readonly proxy: string | null;
  /**
   * A message counts as written once HTTP/2 has it. Else grpc-js, which would keep it for a retry, says so at once of up to
   * 1 MiB of each call, be retries off or not: nothing that is said later can overtake it any more.
   */
  readonly countsWritten: boolean;
  /** Milliseconds without a call after which the connection is closed. Default 240,000, at least 1,000. */
  readonly idleMs?: number;
}

/** A channel of its own to one server, for one try to reach it. */
export function createChannel({
  server,
  tls,
  credentials,
  keepaliveMs,
  proxy,
  countsWritten,
  idleMs = IDLE_MS,
}: ChannelOptions): grpc.Channel {
  const options: grpc.ChannelOptions = {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': ANSWER_KEEPALIVES * keepaliveMs,
    'grpc.client_idle_timeout_ms': idleMs,
    'grpc.enable_channelz': 0,
    'grpc.enable_http_proxy': proxy === null ? 0 : 1,
    // Resending is ours: it knows what was acknowledged.
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
    ...(countsWritten ? { 'grpc.per_rpc_retry_buffer_size': 0 } : {}),
    ...nameServer(tls),
  };
  if (!/^unix:|:\d{1,5}$/.test(server)) throw invalid('server', `expected HOST:PORT, got ${JSON.stringify(server)}`);
  try {
    return new grpc.Channel(server, credentials, options);
  } catch {
    throw invalid('server', `expected HOST:PORT, got ${JSON.stringify(server)}`);
  }
}
