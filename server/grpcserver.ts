import { Server, type ServerInterceptor } from '@grpc/grpc-js';
import type { ServerOptions } from './options.ts';

export interface GrpcServerParts {
  readonly options: Pick<ServerOptions, 'maxStreamsPerConnection' | 'pingIntervalMs'>;
  readonly interceptors: ServerInterceptor[];
  readonly maxMessageBytes: number;
  /** A connection on which nothing moves for this long is dead. */
  readonly quietMs: number;
}

/** The server of grpc-js, which listens to nothing by itself. */
export function createGrpcServer({ options, interceptors, maxMessageBytes, quietMs }: GrpcServerParts): Server {
  const { maxStreamsPerConnection, pingIntervalMs } = options;
  return new Server({
    'grpc.max_concurrent_streams': maxStreamsPerConnection,
    interceptors,
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': -1,
    // Nobody asks for channelz, which counts every connection, stream and message.
    'grpc.enable_channelz': 0,
    'grpc.keepalive_time_ms': 3 * pingIntervalMs,
    'grpc.keepalive_timeout_ms': Math.ceil(quietMs - 2 * pingIntervalMs),
  });
}
