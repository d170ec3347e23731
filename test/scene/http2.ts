import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2';
import { createConnection } from 'node:net';
import { atEnd } from './end.ts';

/** A connection by hand that no test waits for. */
export function dial(
  { address }: { readonly address: string },
  settings: { readonly initialWindowSize?: number } = {},
): ClientHttp2Session {
  // The bound of Node on what one session keeps would end the attack at its own side.
  const { hostname, port } = new URL(`http://${address}`);
  const socket = createConnection(Number(port), hostname);
  const session = connect(`http://${address}`, {
    settings,
    maxSessionMemory: 10_000,
    createConnection: () => socket,
  });
  session.on('error', () => undefined);
  // A session that is destroyed while its other end reads nothing may keep its socket.
  atEnd(() => socket.destroy());
  return session;
}

/** How a call by hand ended: its status, -1 where it has none. */
export interface Reply {
  readonly code: number;
  readonly message: string;
}

/** Opens a call by hand. */
export function open(
  session: ClientHttp2Session,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): ClientHttp2Stream {
  const base = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
  const stream = session.request({ ...base, ...headers }, { endStream: false });
  stream.on('error', () => undefined);
  return stream;
}

/** Reads a call to its end. */
export function readEnd(stream: ClientHttp2Stream): Promise<Reply> {
  return new Promise((resolve) => {
    let end: IncomingHttpHeaders = {};
    const hear = (headers: IncomingHttpHeaders): void => {
      end = { ...end, ...headers };
    };
    stream.on('response', hear).on('trailers', hear);
    stream.on('close', () => {
      resolve({ code: Number(end['grpc-status'] ?? -1), message: String(end['grpc-message'] ?? '') });
    });
    stream.resume();
  });
}

/** One message as it is framed on the wire; `announced`: the length that its head claims. */
export function frame(message: Uint8Array, isCompressed = false, announced = message.byteLength): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(isCompressed ? 1 : 0, 0);
  head.writeUInt32BE(announced, 1);
  return Buffer.concat([head, message]);
}
