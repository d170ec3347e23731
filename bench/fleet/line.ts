import http2 from 'node:http2';

// gRPC on bare HTTP/2: ten thousand clients of grpc-js would cost the machine more than the server that is measured.

const HEAD_BYTES = 5;

/** One gRPC stream, seen from its client. */
export interface RawCall {
  write(message: Uint8Array): void;
  /** Writes the last message. */
  end(message: Uint8Array): void;
  /** Reads nothing more, as a client that is stuck. */
  pause(): void;
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<void>;
}

/** One connection. */
export interface Line {
  call(path: string, headers: Readonly<Record<string, string>>, onMessage: (bytes: Buffer) => void): RawCall;
  close(): void;
}

export function openLine(address: string): Promise<Line> {
  const session = http2.connect(`http://${address}`);
  const line: Line = {
    call(path, headers, onMessage) {
      const stream = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      });
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      stream.on('close', resolve);
      stream.on('error', () => resolve());
      let rest: Buffer = Buffer.alloc(0);
      stream.on('data', (chunk: Buffer) => {
        rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        while (rest.length >= HEAD_BYTES) {
          const end = HEAD_BYTES + rest.readUInt32BE(1);
          if (rest.length < end) break;
          onMessage(rest.subarray(HEAD_BYTES, end));
          rest = rest.subarray(end);
        }
      });
      return {
        write: (message) => void stream.write(frame(message)),
        end: (message) => void stream.end(frame(message)),
        pause: () => void stream.pause(),
        ended,
      };
    },
    close: () => session.destroy(),
  };
  return new Promise((resolve, reject) => {
    session.once('error', reject);
    session.once('connect', () => {
      session.on('error', () => undefined);
      resolve(line);
    });
  });
}

function frame(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + message.byteLength);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.byteLength, 1);
  bytes.set(message, HEAD_BYTES);
  return bytes;
}
